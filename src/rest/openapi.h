#pragma once

#include <string>

#include "rest/router.h"

namespace rhooks::rest {

// The OpenAPI 3.1 document of a route table, as JSON text. Paths, parameters, bodies and
// responses come from the table; the schemas they name, from the two functions below.
std::string openapi_document(const Router& router);

// The component schemas: JSON text, an object by name. Those of tasks, logs, endpoints and redrives
// follow from the rows of model/fields.h, model/endpoint.h and model/redrive.h.
std::string task_schemas();
const char* other_schemas();

}  // namespace rhooks::rest
