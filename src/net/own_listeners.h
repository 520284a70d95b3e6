#pragma once

#include <cstdint>
#include <string>

#include "egress/ip.h"

namespace rhooks::net {

// What this process listens on. A request to it would come from the scheduler and be taken for one
// of a program of this machine, so none is sent there.
//
// Threads: any.

// From now on. `address`: an IP address; 0.0.0.0 and :: are all of this machine.
void add_own_listener(const std::string& address, std::uint16_t port);

// Whether a connection to there would arrive.
bool is_own_listener(const egress::End& end);

}  // namespace rhooks::net
