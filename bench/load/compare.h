#pragma once

#include <set>
#include <string>

#include "bench/load/suites.h"

namespace rhooks::bench {

// Measures the same rows with this program and with another build of it, in turns: this one
// first, then the other one first, and so on, `extent.pairs` times, so that a machine that is
// slower for a while is slower for both. Reports how each row of the one is to that of the other.
// `names` chooses suites; empty: all. Gives whether no program failed; says which did.
bool compare(Report& report, const Extent& extent, const std::set<std::string>& names,
             const std::string& other_program);

}  // namespace rhooks::bench
