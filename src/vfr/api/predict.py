"""POST /api/ml/predict: what machine learning says of some symbols, by one look at the universe's forecast."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from fastapi import APIRouter, Request, Response

from vfr.api.analyze import decode, read_body
from vfr.api.bodies import documented
from vfr.api.context import Context
from vfr.api.errors import Refusal, error_response, request_id
from vfr.api.limits import RETRY_AFTER
from vfr.api.schemas_predict import PredictBody, PredictData
from vfr.api.shapes import Success
from vfr.clock import epoch_ms
from vfr.errors import VfrError
from vfr.workflows.predict import Predicted, PredictQuery, predict

__all__ = ["router"]

_STATUS: Final = {"UNKNOWN_SYMBOL": 404, "ML_QUOTA": 429}
"""Status where no symbol has a prediction, by the first reason; 503 for every other."""


def router(context: Context) -> APIRouter:
    """Return the route of predictions."""
    application = context.application
    made = APIRouter(prefix="/api/ml", tags=["machine learning"])

    @made.post(
        "/predict",
        response_model=Success[PredictData],
        summary="Predictions alone, partial failures listed",
        openapi_extra=documented(PredictBody),
    )
    async def predictions(request: Request) -> Response:
        caller = await context.identified(request, "ml")
        try:
            query = PredictQuery.parse(decode(await read_body(request, application.settings.max_body_bytes)))
            asked = context.limits.held(caller, query.asked)
        except (Refusal, VfrError):  # What is wrong costs a request as well.
            await context.limits.charge_request(caller, request, drained=True)
            raise
        query = replace(query, asked=await context.limits.charge_analysis(caller, request, asked))
        board = application.boards.ready(query.asked.as_of)
        found = None
        if board is not None:
            found = predict(query, board.scores.symbols, application.forecaster, waiting=False)
        if found is None:
            found = await context.ml_work.run(_waited, query)
        return _response(found, request)

    def _waited(query: PredictQuery) -> Predicted:
        found = predict(query, application.boards.at(query.asked.as_of).scores.symbols, application.forecaster)
        assert found is not None  # noqa: S101 (it was allowed to wait)
        return found

    def _response(found: Predicted, request: Request) -> Response:
        body = found.to_dict()
        if not found.predictions:
            code, message = found.errors[0]["code"], found.errors[0]["message"]
            wait = request.scope["state"].get(RETRY_AFTER)
            headers = None if wait is None else {"Retry-After": wait}
            return error_response(request.scope, _STATUS.get(code, 503), code, message, headers, errors=body["errors"])
        about = {"requestId": request_id(request.scope), "timestamp": epoch_ms()}
        return context.answer({**body, "metadata": {**body["metadata"], **about}})

    return made
