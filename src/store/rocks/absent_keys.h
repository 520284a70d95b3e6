#pragma once

#include <rocksdb/db.h>

#include <span>
#include <string>
#include <vector>

namespace rhooks::store::rocks {

// Which of the keys the family surely holds nothing for, also no key that begins with it; of the
// others nothing is said.
//
// Generated ids are ordered by time: the keys of a batch of new tasks lie together, with nothing
// between them. A few steps of one iterator then tell what else takes a look-up for each key.
// Keys that are spread among others are given up after these few steps.
std::vector<bool> find_absent(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family,
                              std::span<const std::string> keys);

}  // namespace rhooks::store::rocks
