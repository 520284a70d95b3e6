#pragma once

#include <rhooks/result.h>
#include <rocksdb/db.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace rhooks::store::rocks {

// A place in the log of writes that cannot be read though writes that were stored follow it.
struct LogDamage {
  std::string file;             // "000012.log"
  std::uint64_t offset = 0;     // of the record that cannot be read, in bytes
  std::uint64_t following = 0;  // writes that can be read after it, in this log and later ones
};

// Reads the logs of writes of a database that is not open, and tells damage from the torn end that
// a crash leaves. This holds for a database in which every write is synced before the next one
// begins: then a crash can cut one record only, the last, and the start of another one behind a bad
// record shows that the bad one was whole once. RocksDB itself takes both for a torn end and drops
// all that follows. That the last record of all is damaged cannot be told.
//
// The format is that of RocksDB's wiki, "Write Ahead Log File Format": blocks of 32 KiB, records of
// CRC (32 bits), size (16), type (8) and payload, a write in one record or in several; a write
// begins with its sequence number (64 bits) and how many numbers it takes (32).
//
// Reads all of the logs from number `oldest` on, up to twice RocksOptions::write_buffer_bytes.
// Errors: kUnavailable where a file cannot be read.
Result<std::optional<LogDamage>> find_damage(rocksdb::Env& env, const std::string& path,
                                             std::uint64_t oldest = 0);

// The number of the oldest log that opening the database would read. Older ones hold what has been
// written to other files since, and a crash came before they were deleted: one that was torn
// looks damaged, for the logs that followed it are deleted already. None: it would read no log.
//
// Opens the database to read it, as `options` and `families` say, and closes it.
// Errors: those of opening it.
Result<std::optional<std::uint64_t>> oldest_log_in_use(
    rocksdb::DBOptions options, const std::string& path,
    const std::vector<rocksdb::ColumnFamilyDescriptor>& families);

}  // namespace rhooks::store::rocks
