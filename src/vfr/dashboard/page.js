// Shows what the API answers. Text from the API only ever becomes text nodes.
import { send, signIn, signOut } from "./session.js";

const FACTORS = [
  ["technical", "technicalScore", "Technical"],
  ["fundamental", "fundamentalScore", "Fundamental"],
  ["macro", "macroeconomicScore", "Macro"],
  ["sentiment", "sentimentScore", "Sentiment"],
  ["alternative", "alternativeScore", "Alternative"],
];

const REASONS = {
  NO_INPUT: "the data has no such input",
  NO_HISTORY: "too few sessions",
  STALE: "the newest input is too old",
  NOT_COVERED: "no input for this symbol",
  UNUSABLE: "the input cannot be used",
  SMALL_PEER_GROUP: "too few peers to rank against",
};

const WITHOUT = {
  TRAINING: "being trained",
  NO_MODEL: "no model",
  NO_MODEL_AS_OF: "no model of that time",
  DISABLED: "switched off",
  TIMEOUT: "not in time",
  NO_FEATURES: "too little known",
};

const $ = (id) => document.getElementById(id);
const cards = new Map();

function make(tag, content, ...classes) {
  const element = document.createElement(tag);
  if (classes.length) element.classList.add(...classes);
  for (const part of [content].flat()) if (part !== null && part !== undefined) element.append(part);
  return element;
}

const fixed = (value, digits) => value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
const percent = (value, digits = 1) => `${fixed(100 * value, digits)}\u00a0%`;
const signed = (text, value) => make("span", `${value > 0 ? "+" : ""}${text}`, value > 0 ? "up" : value < 0 ? "down" : "flat");
const unknown = (text = "not known") => make("span", text, "unknown");

function money(value) {
  if (value === null) return unknown();
  for (const [size, unit] of [[1e12, "tn"], [1e9, "bn"], [1e6, "m"]]) {
    if (value >= size) return `${fixed(value / size, 1)} ${unit}`;
  }
  return fixed(value, 0);
}

function bar(score, label) {
  if (score === null) return unknown();
  const fill = make("span", null, "fill");
  fill.style.width = `${score}%`;
  const track = make("span", [fill, make("span", null, "half")], "track");
  track.setAttribute("aria-hidden", "true");
  const whole = make("span", [fixed(score, 1), track], "bar");
  whole.title = `${label}: ${fixed(score, 2)} of 100`;
  return whole;
}

function badge(recommendation) {
  const kind = recommendation.includes("BUY") ? "up" : recommendation.includes("SELL") ? "down" : "flat";
  return make("span", recommendation.replaceAll("_", " ").toLowerCase(), "badge", kind);
}

async function ask(path, body) {
  const how = body === undefined ? {} : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  const response = await send(path, how);
  if (response.status === 401) {
    showSignIn();
    throw new Error("Sign in first: this server answers users it knows.");
  }
  const answer = await response.json().catch(() => ({ success: false, error: `the server answered ${response.status}` }));
  if (!answer.success) throw new Error(answer.error);
  return answer.data;
}

function tell(text, bad = false) {
  $("message").textContent = text;
  $("message").classList.toggle("bad", bad);
}

function showSignIn() {
  $("who").hidden = true;
  $("sign-in").hidden = false;
}

async function enter(event) {
  event.preventDefault();
  const button = $("credentials").querySelector("button");
  button.disabled = true;
  $("refused").textContent = "";
  try {
    const { tier } = await signIn($("username").value, $("password").value);
    $("name").textContent = `${$("username").value}, ${tier}`;
    $("credentials").reset();
    $("sign-in").hidden = true;
    $("who").hidden = false;
    $("symbols").focus();
    tell("Signed in.");
  } catch (error) {
    $("refused").textContent = error.message;
  } finally {
    button.disabled = false;
  }
}

// What was shown was for whoever has signed out.
async function leave() {
  $("results").hidden = true;
  showSignIn();
  $("username").focus();
  await signOut().then(() => tell("Signed out."), (error) => tell(`The server has not ended the sign-in: ${error.message}`, true));
}

function request() {
  const symbols = $("symbols").value.split(/[\s,;]+/).filter(Boolean);
  const body = { mode: symbols.length === 1 ? "single" : "multiple", symbols };
  if ($("as-of").value) body.as_of = $("as-of").value;
  if ($("ml").checked) Object.assign(body, { include_ml: true, ml_horizon: $("horizon").value, ml_timeout: 10000 });
  return body;
}

async function analyse(event) {
  event.preventDefault();
  const button = $("ask").querySelector("button");
  button.disabled = true;
  tell("Analysing…");
  try {
    const data = await ask("/api/stocks/analyze", request());
    await show(data);
    tell(`${data.stocks.length} analysed${data.errors.length ? `, ${data.errors.length} not` : ""}.`);
  } catch (error) {
    tell(error.message, true);
  } finally {
    button.disabled = false;
  }
}

async function show(data) {
  const about = data.metadata;
  const asked = data.stocks.some((stock) => stock.mlPrediction || stock.mlUnavailable);
  await fetchCards(data.stocks);
  $("ml-column").hidden = !asked;
  $("basis").textContent =
    `As of ${about.asOf}, from ${about.sources.join(", ")}; data version ${about.dataVersion}; prices ${about.priceAdjustment}.`;
  $("old").hidden = about.warnings.length === 0;
  $("old").textContent = `Old: ${about.warnings.join("; ")}.`;
  const without = new Set(data.stocks.flatMap((stock) => (stock.mlUnavailable ? [stock.mlUnavailable.message] : [])));
  $("without").hidden = without.size === 0;
  $("without").textContent = `Machine learning: ${[...without].join("; ")}.`;
  $("table").tBodies[0].replaceChildren(...data.stocks.map((stock) => row(stock, asked)));
  $("errors").replaceChildren(...data.errors.map((error) => make("li", error.message)));
  $("details").replaceChildren(...data.stocks.map((stock, place) => detail(stock, place === 0)));
  $("results").hidden = false;
}

function row(stock, asked) {
  const symbol = make("th", [stock.symbol, make("span", stock.name, "name")]);
  symbol.scope = "row";
  const cells = [
    symbol,
    make("td", [fixed(stock.price, 2), stock.priceChangePercent === null ? null : " ",
      stock.priceChangePercent === null ? null : signed(`${fixed(stock.priceChangePercent, 2)}\u00a0%`, stock.priceChangePercent)], "number"),
    make("td", bar(stock.compositeScore, "Score")),
    make("td", badge(stock.recommendation)),
    make("td", `${stock.confidence}`, "number"),
    make("td", percent(stock.coverage, 0), "number"),
    ...FACTORS.map(([, field, label]) => make("td", bar(stock[field], label))),
  ];
  if (asked) cells.push(make("td", prediction(stock)));
  return make("tr", cells);
}

function prediction(stock) {
  const ml = stock.mlPrediction;
  if (!ml) return unknown(WITHOUT[stock.mlUnavailable.code] ?? "not available");
  const past = record(ml);
  const lines = [make("span", ml.direction === "NEUTRAL" ? "no direction" : ml.direction.toLowerCase(), "badge")];
  lines.push(` ${percent(ml.direction === "DOWN" ? ml.probability.down : ml.probability.up)}`);
  if (past) lines.push(make("span", `was right ${percent(past.accuracy)}, base rate ${percent(past.accuracy_base_rate)}`, "name"));
  return lines;
}

// A version's card says how often its direction was right out of sample, and how often the base rate alone was.
async function fetchCards(stocks) {
  const wanted = new Set(stocks.flatMap((s) => (s.mlPrediction ? s.mlPrediction.members : [])).map((m) => m.version).filter(Boolean));
  for (const version of wanted) {
    if (!cards.has(version)) cards.set(version, await ask(`/api/ml/models/${encodeURIComponent(version)}`).catch(() => null));
  }
}

function record(ml) {
  const members = [...ml.members].sort((a, b) => (b.weight ?? 0) - (a.weight ?? 0));
  for (const member of members) {
    const metrics = cards.get(member.version)?.metrics;
    if (Number.isFinite(metrics?.accuracy) && Number.isFinite(metrics?.accuracy_base_rate)) return metrics;
  }
  return null;
}

function detail(stock, open) {
  const whole = make("details", make("summary", `${stock.symbol}: why`));
  whole.open = open;
  whole.append(make("div", [
    list("What counts most", stock.reasoning.primaryFactors),
    list("Warnings", stock.reasoning.warnings),
    list("Opportunities", stock.reasoning.opportunities),
    facts(stock),
  ], "columns"));
  if (stock.mlPrediction) whole.append(learning(stock));
  const missing = missingFactors(stock);
  if (missing) whole.append(missing);
  whole.append(lines(stock));
  return whole;
}

function list(title, sentences) {
  const items = sentences.length ? sentences.map((text) => make("li", text)) : [make("li", unknown("none"))];
  return make("div", [make("h4", title), make("ul", items)]);
}

function pairs(entries) {
  return make("dl", entries.flatMap(([name, value]) => [make("dt", name), make("dd", value)]));
}

function tiles(entries) {
  return entries.map(([name, value]) => make("div", [make("dt", name), make("dd", value)]));
}

function facts(stock) {
  return make("div", [make("h4", "Facts"), pairs([
    ["Sector", stock.sector ?? unknown()],
    ["Market value, USD", money(stock.marketCap)],
    ["Newest price", stock.asOf],
    ["Classic score", fixed(stock.classicScore ?? stock.compositeScore, 2)],
  ])]);
}

function learning(stock) {
  const ml = stock.mlPrediction;
  const past = record(ml);
  const known = (value, digits) => (value === null ? unknown() : percent(value, digits));
  const entries = [
    ["Probability of a rise", known(ml.probability.up)],
    ["Share of rises so far (base rate)", known(ml.baseRate)],
    ["Direction was right, out of sample", past ? percent(past.accuracy) : unknown()],
    ["The base rate alone was right", past ? percent(past.accuracy_base_rate) : unknown()],
    ["Expected return over the median", known(ml.expectedReturn, 2)],
    [`Interval (${percent(ml.interval.level, 0)})`, ml.interval.low === null ? unknown() : `${percent(ml.interval.low)} to ${percent(ml.interval.high)}`],
    ["Confidence (a coin is 50\u00a0%)", known(ml.confidence)],
    ["Weight in the score", percent(ml.weightApplied, 2)],
    ["Score before and after", `${fixed(stock.classicScore, 2)} → ${fixed(stock.compositeScore, 2)}`],
    ["Members", ml.members.map((m) => (m.status === "ok" ? m.model : `${m.model} (${m.status.replaceAll("_", " ")})`)).join(", ")],
  ];
  return make("div", [make("h4", `Machine learning, ${ml.horizon}`), pairs(entries)]);
}

function missingFactors(stock) {
  const entries = FACTORS.filter(([, field]) => stock[field] === null).map(([factor, , label]) => {
    const reasons = new Set(stock.factors.filter((line) => line.factor === factor && line.reason).map((line) => REASONS[line.reason] ?? line.reason));
    return [label, [...reasons].join("; ") || "no sub-factor has a score"];
  });
  return entries.length ? make("div", [make("h4", "Not known, and why"), pairs(entries)]) : null;
}

function lines(stock) {
  const head = make("thead", make("tr", ["Sub-factor", "Value", "Score", "Weight", "Contribution", "As of"].map((text, place) => {
    const cell = make("th", text, ...(place === 1 || place > 2 ? ["number"] : []));
    cell.scope = "col";
    return cell;
  })));
  const body = make("tbody", stock.factors.map((line) => {
    const name = make("th", line.name.replaceAll("_", " "));
    name.scope = "row";
    name.title = line.source;
    return make("tr", [
      name,
      make("td", line.value === null ? unknown("–") : `${line.value.toLocaleString("en-US", { maximumSignificantDigits: 4 })} ${line.unit}`, "number", "value"),
      make("td", line.score === null ? unknown(REASONS[line.reason] ?? line.reason) : bar(line.score, line.name)),
      make("td", percent(line.weight), "number"),
      make("td", fixed(line.contribution, 2), "number"),
      make("td", line.asOf ?? "–", "number"),
    ]);
  }));
  const caption = make("caption", "Every sub-factor; contributions add up to the classic score", "quiet");
  return make("div", make("table", [caption, head, body]), "scroll");
}

async function suggest() {
  const last = $("symbols").value.split(/[\s,;]+/).pop();
  if (last.length < 2) return;
  const found = await ask(`/api/stocks/search?limit=8&query=${encodeURIComponent(last)}`).catch(() => null);
  if (!found) return;
  const before = $("symbols").value.slice(0, $("symbols").value.length - last.length);
  $("found").replaceChildren(...found.results.map((hit) => {
    const option = make("option", `${hit.symbol}: ${hit.name}`);
    option.value = before + hit.symbol;
    return option;
  }));
}

function age(input) {
  if (input.age === null) return unknown();
  const unit = input.age === 1 ? input.unit.slice(0, -1) : input.unit;
  return make("span", input.fresh ? "up to date" : `${fixed(input.age, 0)} ${unit} old`, input.fresh ? "up" : "down");
}

async function watch() {
  let pause = 30000;
  try {
    const state = await ask("/api/health/ready");
    const { training, champions, enabled, reason } = state.ml;
    const horizons = [...new Set(champions.map((c) => c.horizon))].sort((a, b) => parseInt(a) - parseInt(b));
    let learning = horizons.length ? `answers for ${horizons.join(", ")}` : "no model yet";
    if (!enabled) learning = reason ? `off: ${reason}` : "off";
    $("system").replaceChildren(...tiles([
      ["Data", `${state.dataName}: ${state.symbols} symbols up to ${state.asOf}`],
      ["Prices", age(state.dataAge.prices)],
      ["Data version", state.dataVersion],
      ["Classic analysis", "ready"],
      ["Machine learning", learning],
      ["Training", training.state === "idle" ? "has not run" : `${training.state}${training.message ? `: ${training.message}` : ""}`],
    ]));
    $("training").hidden = training.state !== "running";
    if (training.state === "running") {
      $("training-label").textContent = `Training: ${training.stage} (${training.progress} %)`;
      $("training-bar").value = training.progress;
      pause = 2000;
    }
  } catch (error) {
    $("system").replaceChildren(...tiles([["Server", error.message]]));
    $("training").hidden = true;
  }
  setTimeout(watch, pause);
}

$("ask").addEventListener("submit", analyse);
$("credentials").addEventListener("submit", enter);
$("sign-out").addEventListener("click", leave);
let typed;
$("symbols").addEventListener("input", () => {
  clearTimeout(typed);
  typed = setTimeout(suggest, 250);
});
watch();

// A link such as /?symbols=AAPL,JPM&as-of=2019-06-28&ml=1 opens with its answer.
const linked = new URLSearchParams(location.search);
if (linked.has("symbols")) {
  for (const name of ["symbols", "as-of", "horizon"]) if (linked.has(name)) $(name).value = linked.get(name);
  $("ml").checked = linked.get("ml") === "1";
  $("ask").requestSubmit();
}
