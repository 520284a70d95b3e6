// What the embedded store tells of itself.

#include <rocksdb/version.h>

#include "store/rocks/keys.h"
#include "store/rocks/store_impl.h"

namespace rhooks::store::rocks {

Result<Description> RocksStore::do_describe() {
  const auto use = database_->use();
  if (!use) return fail(use.error());
  Description description;
  description.kind = "rocksdb";
  description.facts = {
      {"path", database_->path()},
      {"format", std::to_string(kFormat)},
      {"rocksdb version", std::to_string(ROCKSDB_MAJOR) + "." + std::to_string(ROCKSDB_MINOR) +
                              "." + std::to_string(ROCKSDB_PATCH)}};
  // Estimates: RocksDB counts what is in its files, and a key once for each version of it.
  Description::Section families{
      "Column families", {"family", "keys (estimate)", "bytes in files", "bytes in memory"}, {}};
  for (std::size_t i = 0; i < kFamilies; ++i) {
    rocksdb::ColumnFamilyHandle* const handle = family(static_cast<Family>(i));
    std::vector<std::string> row{handle->GetName()};
    for (const std::string& property :
         {rocksdb::DB::Properties::kEstimateNumKeys, rocksdb::DB::Properties::kLiveSstFilesSize,
          rocksdb::DB::Properties::kSizeAllMemTables}) {
      std::uint64_t value = 0;
      row.push_back(db().GetIntProperty(handle, property, &value) ? std::to_string(value) : "?");
    }
    families.rows.push_back(std::move(row));
  }
  description.sections.push_back(std::move(families));
  return description;
}

}  // namespace rhooks::store::rocks
