#pragma once

#include <string>

#include "rest/router.h"

namespace rhooks::rest {

// The OpenAPI 3.1 document of a route table, as JSON text. Paths, parameters, bodies and
// responses come from the table; the schemas they name, from openapi_schemas.cc.
std::string openapi_document(const Router& router);

// The component schemas: JSON text, an object by name.
const char* openapi_schemas();

}  // namespace rhooks::rest
