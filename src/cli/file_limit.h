#pragma once

#include <cstddef>

namespace rhooks::cli {

// Raises this process's limit of open files as far as the system lets it (the soft limit to
// the hard one), and returns what it is then. Every connection, to a receiver or from a
// client, is an open file; the usual soft limit of 1024 is for programs that use select().
std::size_t raise_file_limit();

// What a server with that concurrency needs at least: a connection for each attempt, clients, and
// the files of the store.
std::size_t files_needed(std::size_t concurrency);

// How many client connections fit into `limit` open files beside those to receivers, in use and
// idle, and the files of the store, at most 10,000: clients that come in crowds are not to take
// those away.
std::size_t connections_for(std::size_t limit, std::size_t concurrency);

}  // namespace rhooks::cli
