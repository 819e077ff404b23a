"""Describes the route that platforms of shops call."""

from gateway.http.operation import COMMON_ERRORS, Access, Operation, Parameter, Response, in_json

RECEIVE = Operation(
    method="POST",
    path="/v1/hooks/{connection}",
    id="receiveHook",
    summary="Takes in what the platform of a connected shop sends.",
    description=(
        "The body is whatever the platform sends, at most 2 MB, signed as it signs."
        " It is durable once this is answered; a trial"
        " of the address is answered and not kept."
    ),
    tag="connections",
    access=Access.ANYONE,
    parameters=[Parameter("connection", {"type": "string"}, "The connection's id.", "path", is_required=True)],
    bodies={"*/*": {"type": "string", "format": "binary"}},
    responses={
        200: Response(
            "Kept.",
            in_json(
                {"type": "object", "properties": {"status": {"const": "received"}}, "required": ["status"]},
            ),
        )
    },
    errors=(COMMON_ERRORS | {404}) - {422},
)
