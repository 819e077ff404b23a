"""What all routes share in the document of the API: errors, credentials, conventions."""

from collections.abc import Mapping

from common.errors import FaultType
from gateway.http.operation import Access, Schema

ERRORS: Schema = {
    "type": "object",
    "description": "Every fault of a request at once.",
    "properties": {
        "errors": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "properties": {
                    "type": {"type": "string", "enum": [str(type_) for type_ in FaultType]},
                    "parameter": {
                        "type": "string",
                        "description": "The field at fault, such as `object_parameters.reference`. Absent: none.",
                    },
                    "description": {"type": "string", "description": "A sentence for a person."},
                    "known": {
                        "type": "array",
                        "items": {"type": "string"},
                        "description": "Of a name that is not known: some that are, the nearest spellings first.",
                    },
                },
                "required": ["type", "description"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["errors"],
    "additionalProperties": False,
}
ERRORS_REF = {"$ref": "#/components/schemas/Errors"}
ERROR_ANSWERS: dict[int, tuple[str, str]] = {
    400: ("Unreadable", "The body is not JSON in UTF-8, not an object, or its type or encoding is not taken."),
    401: ("Unauthorized", "No credential, an unknown or revoked one, or one that does not open this route."),
    404: ("NotFound", "There is no such thing here; what is another business's is not told apart."),
    409: ("Conflict", "The same key was used for something else."),
    413: ("TooLarge", "The body is too large."),
    422: ("Faulty", "Fields are missing or wrong, or what is asked for is not allowed; every fault is named."),
    429: ("TooMany", "Beyond a limit of the business, of the credential or of the address."),
    500: ("Fault", "A fault of ours; the request id stands in the description."),
    503: ("Unavailable", "It cannot be done, or not be kept, at the moment."),
}
ERROR_HEADERS: dict[int, Mapping[str, str]] = {
    401: {"WWW-Authenticate": "The scheme of credentials."},
    429: {"Retry-After": "After how many seconds to come again."},
    503: {"Retry-After": "After how many seconds to try again."},
}
SECURITY_SCHEMES: dict[str, Schema] = {
    "private_token": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token of a business, for its servers. Shown once, when it is created.",
    },
    "public_id": {
        "type": "http",
        "scheme": "bearer",
        "description": "The public id of a business, for its pages. Where the business lists its origins, a request "
        "from a page of another origin is 401.",
    },
    "public_id_in_query": {
        "type": "apiKey",
        "in": "query",
        "name": "business",
        "description": "The public id, for requests that can carry no headers, such as beacons and images.",
    },
    "report_signature": {
        "type": "apiKey",
        "in": "query",
        "name": "signature",
        "description": "The signature of a link to the report page: it opens the reports of one business, for a while.",
    },
}
SECURITY: dict[Access, list[dict[str, list[str]]]] = {
    Access.ANYONE: [],
    Access.PUBLIC: [{"public_id": []}, {"public_id_in_query": []}, {"private_token": []}],
    Access.PRIVATE: [{"private_token": []}],
    Access.REPORT: [{"private_token": []}, {"report_signature": []}],
}
ABOUT = """Short links, the clicks on them, and what came of those.

Bodies are JSON in UTF-8; `Content-Encoding: gzip` is taken. A field or a parameter of the query that is not known is \
422 where a private token is needed; events keep such fields, and what else pages send is taken without. \
Null is as good as absent. Times are ISO 8601 with an offset, and RFC 3339 in UTC in answers.
Every answer carries `X-Request-Id`, and may be read by pages of any origin. An error is \
`{"errors": [{"type", "parameter", "description"}]}` with one entry per fault. Lists are newest first; \
`starting_after` and `ending_before` take an id of a list."""
