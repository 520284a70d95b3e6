#pragma once

#include <rhooks/store_description.h>

namespace rhooks::store {

using Description = StoreDescription;

}  // namespace rhooks::store
