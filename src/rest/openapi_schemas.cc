// The schemas that do not follow from the rows of model/fields.h (task_schemas.cc has those). As
// there, those of answers leave additional properties open, and those of requests do not.

#include "rest/openapi.h"

namespace rhooks::rest {

namespace {

constexpr const char* kSchemas = R"json({
"Time": {"type": "string", "format": "date-time", "example": "2030-01-31T12:00:00.000Z"},
"Method": {"type": "string", "enum": ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"]},
"Status": {
  "type": "string", "enum": ["ACTIVE", "PROCESSING", "DONE", "FAILED", "SUSPENDED"],
  "description": "ACTIVE waits for its time; PROCESSING is being attempted; DONE and FAILED tell how the last occurrence ended, or that the task was cancelled; SUSPENDED waits for unsuspend."
},
"LogStatus": {"type": "string", "enum": ["SUCCESS", "FAIL"]},
"RedriveState": {"type": "string", "enum": ["RUNNING", "DONE", "CANCELLED"]},
"SecretType": {"type": "string", "enum": ["hmac", "ed25519", "token", "basic"]},
"Headers": {
  "type": "object",
  "description": "Names and values; an array where a header stands more than once.",
  "additionalProperties": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
  "example": {"X-Tenant": "42"}
},
"NewTasks": {
  "type": "object", "required": ["items"], "additionalProperties": false,
  "properties": {"items": {"type": "array", "maxItems": 1000, "items": {"$ref": "#/components/schemas/NewTask"}}}
},
"TaskPage": {
  "type": "object", "required": ["items", "count"],
  "properties": {
    "items": {"type": "array", "items": {"$ref": "#/components/schemas/Task"}},
    "count": {"type": "integer", "description": "Items of this page."},
    "lastEvaluatedKey": {"type": "string", "description": "Pass it as startKey to go on. A page may be shorter than the limit and still have one."}
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
"EndpointPage": {
  "type": "object", "required": ["items", "count"],
  "properties": {
    "items": {"type": "array", "items": {"$ref": "#/components/schemas/Endpoint"}},
    "count": {"type": "integer", "description": "Items of this page."},
    "lastEvaluatedKey": {"type": "string", "description": "Pass it as startKey to go on. A page may be shorter than the limit and still have one."}
  }
},
"SecretPage": {
  "type": "object", "required": ["items", "count"],
  "properties": {
    "items": {"type": "array", "items": {"$ref": "#/components/schemas/Secret"}},
    "count": {"type": "integer", "description": "Items of this page."},
    "lastEvaluatedKey": {"type": "string", "description": "Pass it as startKey to go on. A page may be shorter than the limit and still have one."}
  }
},
"ApiKeyPage": {
  "type": "object", "required": ["items", "count"],
  "properties": {
    "items": {"type": "array", "items": {"$ref": "#/components/schemas/ApiKey"}},
    "count": {"type": "integer", "description": "Items of this page."},
    "lastEvaluatedKey": {"type": "string", "description": "Pass it as startKey to go on. A page may be shorter than the limit and still have one."}
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
    "endpoint": {"type": "string", "description": "The endpoint that they name."},
    "reason": {"type": "string", "description": "Their failureReason; only FAILED tasks have one."},
    "lastStatus": {"type": "integer", "minimum": 100, "maximum": 599, "description": "The status of their latest answer."},
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
"PreviewQuery": {
  "type": "object", "additionalProperties": false,
  "description": "A schedule, or a scheduledDate, a repeat or both, as of a task that is registered now, or at from, if that is past.",
  "properties": {
    "schedule": {"$ref": "#/components/schemas/Schedule"},
    "scheduledDate": {"$ref": "#/components/schemas/Time"},
    "repeat": {"$ref": "#/components/schemas/Repeat"},
    "namespace": {"type": "string", "description": "With id: of the task whose jitter is asked for."},
    "id": {"type": "string"},
    "from": {"$ref": "#/components/schemas/Time", "description": "Occurrences at this time or later; default now."},
    "count": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 10, "description": "The most to show."}
  }
},
"Preview": {
  "type": "object", "required": ["description", "timezone", "occurrences", "more", "warnings"],
  "properties": {
    "description": {"type": "string", "description": "In words."},
    "timezone": {"type": "string"},
    "tzdata": {"type": "string", "description": "The version of the time zone database, where that is known."},
    "occurrences": {"type": "array", "maxItems": 1000, "items": {
      "type": "object", "required": ["at", "local", "kind"],
      "properties": {
        "at": {"$ref": "#/components/schemas/Time", "description": "The scheduledDate of the occurrence."},
        "local": {"type": "string", "description": "The same as the clock of the time zone shows it."},
        "due": {"$ref": "#/components/schemas/Time", "description": "With its jitter; missing where the schedule has one and no task was given."},
        "kind": {"type": "string", "enum": ["plain", "gap", "fold"], "description": "gap: the clocks are set forward over the time that is meant. fold: they show it twice."}
      }
    }},
    "remaining": {"type": "integer", "description": "How many times max lets it happen yet, those above included."},
    "more": {"type": "boolean", "description": "There are occurrences behind the last one."},
    "warnings": {"type": "array", "items": {"type": "string"}, "description": "What may surprise, a sentence each."}
  },
  "example": {
    "description": "at 09:00, Monday to Friday (Europe/Berlin)", "timezone": "Europe/Berlin", "tzdata": "2026f",
    "occurrences": [{"at": "2030-01-31T08:00:00.000Z", "local": "2030-01-31T09:00:00+01:00", "due": "2030-01-31T08:00:00.000Z", "kind": "plain"}],
    "more": true, "warnings": []
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
    "errors": {"type": "integer", "description": "Those of them that failed."},
    "held": {"type": "integer", "description": "Tasks that were due and are left, since they wait for their endpoints, or for other servers that share the store. Given where there are any; at 1,000, where counting stops, there may be more."}
  }
},
"BackfillQuery": {
  "type": "object", "required": ["from", "to"], "additionalProperties": false,
  "properties": {
    "from": {"$ref": "#/components/schemas/Time", "description": "Occurrences named for this time or later."},
    "to": {"$ref": "#/components/schemas/Time", "description": "And for this time or earlier; now at the latest."},
    "chunkLimit": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 1000, "description": "The most that one call makes up for."},
    "dryRun": {"type": "boolean", "default": false, "description": "Only say which they are."}
  }
},
"BackfillResult": {
  "type": "object", "required": ["items"],
  "properties": {
    "items": {"type": "array", "maxItems": 1000, "items": {
      "type": "object", "required": ["id", "scheduledDate", "created"],
      "properties": {
        "id": {"type": "string", "description": "Of the task that stands for the occurrence."},
        "scheduledDate": {"$ref": "#/components/schemas/Time"},
        "created": {"type": "boolean", "description": "Whether this call registered it."}
      }
    }},
    "next": {"$ref": "#/components/schemas/Time", "description": "Given where there are more: the `from` of the next call."}
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
    "code": {"type": "string", "enum": ["invalid_argument", "not_found", "conflict", "forbidden", "unsupported", "unavailable", "overloaded", "unknown_outcome", "corrupt", "internal"]}
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

}  // namespace

const char* other_schemas() {
  return kSchemas;
}

}  // namespace rhooks::rest
