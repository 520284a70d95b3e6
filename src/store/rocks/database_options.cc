// How RocksDB is set up: for the whole database, and for each column family.

#include <rocksdb/convenience.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/table_properties_collectors.h>

#include <algorithm>
#include <memory>

#include "store/rocks/database.h"
#include "store/rocks/info_log.h"
#include "store/rocks/log_filter.h"

namespace rhooks::store::rocks {

rocksdb::Options Database::db_options() const {
  rocksdb::Options options;
  options.create_if_missing = true;
  if (options_.env != nullptr) options.env = options_.env;
  options.max_background_jobs = 2;
  // Keys of a batch mostly follow each other. One writer of a group enters them from where the
  // last one lies; several at a time would search from the top for each.
  options.allow_concurrent_memtable_write = false;
  options.db_write_buffer_size = options_.write_buffer_bytes;
  options.max_total_wal_size = 2 * options_.write_buffer_bytes;
  options.max_open_files = 256;  // leaves file descriptors to connections
  options.info_log = std::make_shared<InfoLog>(path_);
  options.bytes_per_sync = 1u << 20;
  // Otherwise opening makes 15 threads for each column family that has files, however few.
  options.max_file_opening_threads = 1;
  // A torn end of the log, as a power cut leaves it, holds nothing that was acknowledged. What it
  // is not, check_logs() tells before.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  // Recovery from disk errors is tried by use(), not by a thread without end.
  options.max_bgerror_resume_count = 0;
  return options;
}

rocksdb::ColumnFamilyOptions Database::family_options(Family family) const {
  rocksdb::ColumnFamilyOptions options;
  // States and specs are most of what is written.
  options.write_buffer_size = options_.write_buffer_bytes / (family == Family::kTasks ? 2 : 4);
  options.max_write_buffer_number = 3;
  options.level_compaction_dynamic_level_bytes = true;
  const auto supported = rocksdb::GetSupportedCompressions();
  const bool lz4 =
      std::find(supported.begin(), supported.end(), rocksdb::kLZ4Compression) != supported.end();
  options.compression = lz4 ? rocksdb::kLZ4Compression : rocksdb::kNoCompression;

  // No memtable_insert_with_hint_prefix_extractor, however fitting for batches in the order of
  // their keys: with it RocksDB 7.8 damages its memory (PowerGoesAtEachOperationOfAFewCalls ends
  // in an assertion of its skip list each time).

  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache_;
  // Tasks are read one by one, and each read checks, copies and unpacks a block.
  table.block_size = 4u << 10;
  table.cache_index_and_filter_blocks = true;  // so that they count towards the bound
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  // In parts, of which a read needs few: whole ones of millions of tasks are as large as the
  // cache, and would push each other out of it.
  table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
  table.metadata_block_size = 4u << 10;
  if (family == Family::kTasks || family == Family::kSpecs) {
    // Reads of keys that are not there: every put asks. The others are walked, not asked.
    table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
    table.partition_filters = true;
    // Files that delete mostly: what they delete is given back soon.
    options.table_properties_collector_factories.push_back(
        rocksdb::NewCompactOnDeletionCollectorFactory(4096, 2048, 0.5));
  }
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));

  if (family == Family::kDue || family == Family::kByDate) {
    // New entries fall anywhere between those that wait, and what a delivery removes and adds
    // lies on both sides of them. A small first level of small files takes that, so that not all
    // that waits is written again with each few thousand deliveries.
    options.max_bytes_for_level_base = 32u << 20;
    options.target_file_size_base = 8u << 20;
  }
  if (family == Family::kDue || family == Family::kEnds) {
    // A queue: whole files become tombstones, which claims would walk after a restart.
    options.table_properties_collector_factories.push_back(
        rocksdb::NewCompactOnDeletionCollectorFactory(4096, 2048));
  }
  if (family == Family::kLogs || family == Family::kLogRefs) {
    options.compaction_filter_factory =
        make_log_filter(family == Family::kLogs ? LogFamily::kLogs : LogFamily::kRefs, expiry_);
    options.periodic_compaction_seconds =
        static_cast<std::uint64_t>(options_.rewrite_logs_after.count());
  }
  return options;
}

}  // namespace rhooks::store::rocks
