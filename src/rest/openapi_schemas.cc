// The schemas of docs/semantics.md. Those of answers leave additional properties open, because
// fields are added in later versions; those of requests do not, because unknown ones are refused.

#include "rest/openapi.h"

namespace rhooks::rest {

const char* openapi_schemas() {
  return R"json({
"Time": {"type": "string", "format": "date-time", "example": "2030-01-31T12:00:00.000Z"},
"Method": {"type": "string", "enum": ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"]},
"Status": {
  "type": "string", "enum": ["ACTIVE", "PROCESSING", "DONE", "FAILED", "SUSPENDED"],
  "description": "ACTIVE waits for its time; PROCESSING is being attempted; DONE and FAILED tell how the last occurrence ended; SUSPENDED waits for unsuspend."
},
"LogStatus": {"type": "string", "enum": ["SUCCESS", "FAIL"]},
"Headers": {
  "type": "object",
  "description": "Names and values; an array where a header stands more than once.",
  "additionalProperties": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
  "example": {"X-Tenant": "42"}
},
"Repeat": {
  "type": "object", "required": ["interval"], "additionalProperties": false,
  "properties": {
    "interval": {"type": "integer", "minimum": 1, "description": "In units."},
    "max": {"type": "integer", "minimum": 0, "default": 1, "description": "Executions in all; 0 is for ever."},
    "unit": {"type": "string", "enum": ["seconds", "minutes", "hours", "days"], "default": "minutes"}
  }
},
"NewRequest": {
  "type": "object", "additionalProperties": false,
  "properties": {
    "url": {"type": "string", "format": "uri", "maxLength": 8192},
    "method": {"$ref": "#/components/schemas/Method"},
    "headers": {"$ref": "#/components/schemas/Headers"},
    "body": {"description": "Any JSON value, sent as it is given, white space within it included; a string is text; null is no body. At most 256 KiB, as given and as the form it becomes; 64 KiB with the URL as a query string; nested 64 deep."}
  }
},
"NewTask": {
  "type": "object", "additionalProperties": false,
  "description": "url, method, headers and body stand here or in request; given at both places, they must agree. A url is required. A field that is null counts as not given.",
  "properties": {
    "namespace": {"type": "string", "minLength": 1, "maxLength": 256, "description": "As in the path; required in a batch."},
    "id": {"type": "string", "minLength": 1, "maxLength": 512, "description": "Your own; by default [idPrefix#]UUIDv7."},
    "idPrefix": {"type": "string", "minLength": 1, "description": "Put before a made id, with # between."},
    "idempotencyKey": {"type": "string", "minLength": 1, "maxLength": 256, "description": "Makes a retry safe: the id derives from it, so a replay finds the first task (200), or is a conflict if the content differs (409). Excludes an id of your own."},
    "url": {"type": "string", "format": "uri", "maxLength": 8192, "description": "http or https."},
    "method": {"$ref": "#/components/schemas/Method", "default": "GET"},
    "headers": {"$ref": "#/components/schemas/Headers"},
    "body": {"description": "Any JSON value, sent as it is given, white space within it included; a string is text; null is no body. At most 256 KiB, as given and as the form it becomes; 64 KiB with the URL as a query string; nested 64 deep."},
    "request": {"$ref": "#/components/schemas/NewRequest"},
    "scheduledDate": {"$ref": "#/components/schemas/Time", "description": "Default: now. One in the past is due at once."},
    "repeat": {"$ref": "#/components/schemas/Repeat"},
    "retryLimit": {"type": "integer", "minimum": 0, "maximum": 100, "default": 3, "description": "An occurrence gets up to 1 + retryLimit attempts."}
  }
},
"NewTasks": {
  "type": "object", "required": ["items"], "additionalProperties": false,
  "properties": {"items": {"type": "array", "maxItems": 1000, "items": {"$ref": "#/components/schemas/NewTask"}}}
},
"Request": {
  "type": "object", "required": ["method", "url"],
  "properties": {
    "method": {"$ref": "#/components/schemas/Method"},
    "url": {"type": "string", "format": "uri"},
    "headers": {"$ref": "#/components/schemas/Headers"},
    "body": {"description": "Any JSON value, as it was given; a string is text."}
  }
},
"Errors": {
  "type": "object", "required": ["count", "consecutive"],
  "properties": {
    "count": {"type": "integer", "description": "Failed executions."},
    "consecutive": {"type": "integer", "description": "Failed executions since the last success."},
    "firstErrorDate": {"$ref": "#/components/schemas/Time"},
    "lastErrorDate": {"$ref": "#/components/schemas/Time"},
    "lastError": {"type": "string", "description": "Why the latest failed attempt failed."}
  }
},
"Execution": {
  "type": "object", "required": ["count", "failed", "successful", "skipped", "extra"],
  "properties": {
    "count": {"type": "integer", "description": "Executions that ended."},
    "failed": {"type": "integer"},
    "successful": {"type": "integer"},
    "skipped": {"type": "integer", "description": "Occurrences missed while nothing ran."},
    "extra": {"type": "integer", "description": "Of count, the extra occurrences that run now added to a series; they do not count for repeat.max."},
    "firstExecutionDate": {"$ref": "#/components/schemas/Time"},
    "firstScheduledDate": {"$ref": "#/components/schemas/Time"},
    "lastExecutionDate": {"$ref": "#/components/schemas/Time"},
    "lastResponseBody": {"type": "string", "description": "Its first 64 KiB."},
    "lastResponseHeaders": {"$ref": "#/components/schemas/Headers"},
    "lastResponseStatus": {"type": "integer"}
  }
},
"Task": {
  "type": "object",
  "required": ["namespace", "id", "url", "method", "request", "scheduledDate", "retryLimit", "status", "errors", "execution", "__createdAt", "__updatedAt"],
  "properties": {
    "namespace": {"type": "string"},
    "id": {"type": "string"},
    "idPrefix": {"type": "string"},
    "url": {"type": "string", "format": "uri"},
    "method": {"$ref": "#/components/schemas/Method"},
    "request": {"$ref": "#/components/schemas/Request"},
    "scheduledDate": {"$ref": "#/components/schemas/Time", "description": "Nominal time of the current occurrence; while there is an extraDate, of the series' next."},
    "extraDate": {"$ref": "#/components/schemas/Time", "description": "Nominal time of the extra occurrence that run now added to a series, until it has ended; attempt and nextAttemptDate are of it."},
    "repeat": {"$ref": "#/components/schemas/Repeat"},
    "retryLimit": {"type": "integer"},
    "status": {"$ref": "#/components/schemas/Status"},
    "errors": {"$ref": "#/components/schemas/Errors"},
    "execution": {"$ref": "#/components/schemas/Execution"},
    "attempt": {"type": "integer", "description": "Attempts made for the current occurrence; 0 unless a retry is pending."},
    "nextAttemptDate": {"$ref": "#/components/schemas/Time", "description": "When the next attempt is made, if not at scheduledDate or extraDate."},
    "expiresAt": {"$ref": "#/components/schemas/Time", "description": "When a DONE or FAILED task is deleted; from then on it is as if it were not there. Only where the server has a done_ttl or failed_ttl."},
    "__createdAt": {"$ref": "#/components/schemas/Time"},
    "__updatedAt": {"$ref": "#/components/schemas/Time"}
  },
  "example": {
    "namespace": "my-app", "id": "0197a1f2-8a3b-7c4d-9e5f-001122334455",
    "url": "https://example.com/hook", "method": "POST",
    "request": {"method": "POST", "url": "https://example.com/hook", "headers": {}, "body": {"key": "value"}},
    "scheduledDate": "2030-01-31T12:00:00.000Z", "retryLimit": 3, "status": "ACTIVE",
    "errors": {"count": 0, "consecutive": 0},
    "execution": {"count": 0, "failed": 0, "successful": 0, "skipped": 0, "extra": 0},
    "attempt": 0,
    "__createdAt": "2030-01-31T11:00:00.000Z", "__updatedAt": "2030-01-31T11:00:00.000Z"
  }
},
"TaskPage": {
  "type": "object", "required": ["items", "count"],
  "properties": {
    "items": {"type": "array", "items": {"$ref": "#/components/schemas/Task"}},
    "count": {"type": "integer", "description": "Items of this page."},
    "lastEvaluatedKey": {"type": "string", "description": "Pass it as startKey to go on. A page may be shorter than the limit and still have one."}
  }
},
"Response": {
  "type": "object", "required": ["status", "ok"],
  "properties": {
    "status": {"type": "integer"},
    "ok": {"type": "boolean", "description": "The status is 200 to 299."},
    "headers": {"$ref": "#/components/schemas/Headers"},
    "body": {"type": "string", "description": "Its first 64 KiB."},
    "bodyTruncated": {"type": "boolean", "description": "There was more, or the rest could not be decompressed."}
  }
},
"Log": {
  "type": "object",
  "required": ["id", "namespace", "taskId", "attempt", "retryLimit", "request", "status", "scheduledDate", "dueDate", "startedAt", "durationMs", "__createdAt"],
  "properties": {
    "id": {"type": "string"},
    "namespace": {"type": "string"},
    "taskId": {"type": "string"},
    "attempt": {"type": "integer", "minimum": 1},
    "retryLimit": {"type": "integer"},
    "request": {"$ref": "#/components/schemas/Request", "description": "As it was sent."},
    "response": {"$ref": "#/components/schemas/Response"},
    "error": {"type": "string", "description": "Why the attempt failed."},
    "status": {"$ref": "#/components/schemas/LogStatus"},
    "scheduledDate": {"$ref": "#/components/schemas/Time"},
    "dueDate": {"$ref": "#/components/schemas/Time", "description": "When this attempt was due: for a retry its own time, for a task that was registered for the past the registration."},
    "startedAt": {"$ref": "#/components/schemas/Time"},
    "durationMs": {"type": "number", "description": "From the start of the request to the end of its answer, to the microsecond."},
    "ttl": {"type": "integer", "description": "The second since 1970 at which the log expires."},
    "__createdAt": {"$ref": "#/components/schemas/Time"}
  }
},
"LogPage": {
  "type": "object", "required": ["items", "count"],
  "properties": {
    "items": {"type": "array", "items": {"$ref": "#/components/schemas/Log"}},
    "count": {"type": "integer", "description": "Items of this page."},
    "lastEvaluatedKey": {"type": "string", "description": "Pass it as startKey to go on."}
  }
},
"NamespacePage": {
  "type": "object", "required": ["items", "count"],
  "properties": {
    "items": {"type": "array", "items": {
      "type": "object", "required": ["namespace"], "properties": {"namespace": {"type": "string"}}
    }},
    "count": {"type": "integer", "description": "Items of this page."},
    "lastEvaluatedKey": {"type": "string", "description": "Pass it as startKey to go on. A page may be shorter than the limit and still have one."}
  },
  "example": {"items": [{"namespace": "my-app"}], "count": 1}
},
"ManyQuery": {
  "type": "object", "additionalProperties": false,
  "properties": {
    "id": {"type": "string", "description": "The beginning of ids."},
    "status": {"$ref": "#/components/schemas/Status"},
    "from": {"$ref": "#/components/schemas/Time", "description": "A scheduledDate of this time or later."},
    "to": {"$ref": "#/components/schemas/Time", "description": "A scheduledDate of this time or earlier."},
    "chunkLimit": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 1000, "description": "The most tasks that one call acts on."},
    "startKey": {"type": "string", "description": "The lastEvaluatedKey of the call before, with the same filters."}
  }
},
"TaskKey": {
  "type": "object", "required": ["id", "namespace"],
  "properties": {"id": {"type": "string"}, "namespace": {"type": "string"}}
},
"ManyResult": {
  "type": "object", "required": ["count", "items", "more"],
  "properties": {
    "count": {"type": "integer", "description": "Of the tasks acted on. It may be 0 while there is more: a call looks at a bounded number of tasks."},
    "items": {"type": "array", "items": {"$ref": "#/components/schemas/TaskKey"}},
    "more": {"type": "boolean", "description": "Others may match: call again."},
    "lastEvaluatedKey": {"type": "string", "description": "Given where there is more: pass it as startKey to go on."}
  }
},
"BatchResult": {
  "type": "object", "required": ["items"],
  "properties": {
    "items": {"type": "array", "items": {
      "type": "object", "required": ["status"],
      "properties": {
        "status": {"type": "integer", "description": "As of a call of its own: 201, 400, 409, …"},
        "task": {"$ref": "#/components/schemas/Task"},
        "error": {"$ref": "#/components/schemas/Problem"}
      }
    }}
  }
},
"Store": {
  "type": "object", "required": ["kind", "facts", "sections"],
  "properties": {
    "kind": {"type": "string", "description": "rocksdb, dynamodb or memory."},
    "facts": {"type": "object", "additionalProperties": {"type": "string"}},
    "sections": {"type": "array", "items": {
      "type": "object", "required": ["title", "rows"],
      "properties": {
        "title": {"type": "string"},
        "rows": {"type": "array", "items": {
          "type": "object", "description": "By the names of columns.", "additionalProperties": {"type": "string"}
        }}
      }
    }}
  },
  "example": {
    "kind": "rocksdb", "facts": {"path": "/var/lib/rhooks"},
    "sections": [{"title": "Column families", "rows": [{"family": "tasks", "keys (estimate)": "41201"}]}]
  }
},
"Count": {
  "type": "object", "required": ["count"], "properties": {"count": {"type": "integer"}}
},
"TriggerResult": {
  "type": "object", "required": ["processed", "errors"],
  "properties": {
    "processed": {"type": "integer", "description": "Attempts made and recorded."},
    "errors": {"type": "integer", "description": "Those of them that failed."}
  }
},
"DryrunResult": {
  "type": "object", "required": ["count", "items", "more"],
  "properties": {
    "count": {"type": "integer", "description": "What is due, counted up to 10,000."},
    "more": {"type": "boolean", "description": "Counting stopped at count; more may be due."},
    "items": {"type": "array", "maxItems": 1000, "items": {
      "type": "object", "required": ["namespace", "id", "scheduledDate"],
      "properties": {
        "namespace": {"type": "string"},
        "id": {"type": "string"},
        "scheduledDate": {"$ref": "#/components/schemas/Time"}
      }
    }}
  }
},
"Problem": {
  "type": "object", "required": ["type", "title", "status", "detail", "code"],
  "description": "RFC 9457.",
  "properties": {
    "type": {"type": "string"},
    "title": {"type": "string"},
    "status": {"type": "integer"},
    "detail": {"type": "string", "description": "What is wrong and what to do instead."},
    "field": {"type": "string", "description": "The JSON path, query parameter or header at fault."},
    "code": {"type": "string", "enum": ["invalid_argument", "not_found", "conflict", "unsupported", "unavailable", "overloaded", "unknown_outcome", "corrupt", "internal"]}
  },
  "example": {
    "type": "about:blank", "title": "Bad Request", "status": 400,
    "detail": "repeat.interval: must be at least 1", "field": "repeat.interval", "code": "invalid_argument"
  }
},
"Health": {
  "type": "object", "required": ["status"], "properties": {"status": {"type": "string"}}
},
"Text": {"type": "string"},
"Document": {"type": "object"}
})json";
}

}  // namespace rhooks::rest
