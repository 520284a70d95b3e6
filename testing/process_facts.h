#pragma once

#include <sys/types.h>

#include <cstddef>
#include <optional>

namespace rhooks::testing {

// What the system knows of a process that runs; 0 once it is gone.
std::size_t open_files(pid_t pid);
std::size_t resident_bytes(pid_t pid);
std::size_t resident_bytes_max(pid_t pid);  // the most that it ever was
std::size_t address_space_bytes(pid_t pid);

// Lets it have so much address space; none: as much as there is. False: it is gone.
bool limit_address_space(pid_t pid, std::optional<std::size_t> bytes);

// What this process has from its allocator at this moment.
std::size_t allocated_bytes();

// Raises the limit of open files of this process as far as it goes; returns it.
std::size_t raise_open_files();

}  // namespace rhooks::testing
