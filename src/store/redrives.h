#pragma once

#include <rhooks/result.h>

#include <string>

#include "model/redrive.h"
#include "store/store.h"

// The redrive of a namespace, the one that runs or the last one, is a document, whose data is JSON.
namespace rhooks::store {

DocumentKey redrive_key(const std::string& ns);
DocumentQuery redrive_query();  // of all namespaces

// Errors: kCorrupt.
Result<model::StoredRedrive> redrive_of(const StoredDocument& document);

// `newer_fields`: of the document that it takes the place of.
Document redrive_document(const model::StoredRedrive& redrive, std::string newer_fields);

}  // namespace rhooks::store
