// Who is signed in. The two tokens are held in this page's memory alone and are gone when it is closed or loaded anew.

let pair = null;
let renewal = null;

async function post(path, body) {
  const response = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const answer = await response.json().catch(() => ({ success: false, error: `the server answered ${response.status}` }));
  if (!answer.success) throw new Error(answer.error);
  return answer.data;
}

export async function signIn(username, password) {
  pair = await post("/api/auth/token", { username, password });
  return pair;
}

export async function signOut() {
  const ended = pair;
  pair = null;
  if (ended) await post("/api/auth/revoke", { refreshToken: ended.refreshToken });
}

// A refresh token is good for one use: requests that meet an expired token at once share one renewal.
function renewed() {
  renewal ??= post("/api/auth/refresh", { refreshToken: pair.refreshToken })
    .then((next) => { if (pair) pair = next; })
    .catch(() => { pair = null; })
    .finally(() => { renewal = null; });
  return renewal;
}

function signed(how) {
  return pair ? { ...how, headers: { ...how.headers, Authorization: `Bearer ${pair.accessToken}` } } : how;
}

export async function send(path, how = {}) {
  const response = await fetch(path, signed(how));
  if (response.status !== 401 || !pair) return response;
  await renewed();
  return pair ? fetch(path, signed(how)) : response;
}
