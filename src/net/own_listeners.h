#pragma once

#include <cstdint>
#include <string>

struct sockaddr;  // <sys/socket.h>

namespace rhooks::net {

// What this process listens on. A request to it would come from the scheduler and be taken for one
// of a program of this machine, so none is sent there.
//
// Threads: any.

// From now on. `address`: an IP address; 0.0.0.0 and :: are all of this machine.
void add_own_listener(const std::string& address, std::uint16_t port);

// Whether a connection to this address would arrive there.
bool is_own_listener(const sockaddr* address);

}  // namespace rhooks::net
