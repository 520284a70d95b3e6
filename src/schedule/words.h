#pragma once

#include <string>
#include <vector>

#include "schedule/cron.h"

namespace rhooks::schedule {

// "A, B and C".
std::string join_words(const std::vector<std::string>& words, const char* last = " and ");

// What an expression matches, in English: "at 09:00, Monday to Friday". Made of the sets that it
// came to, so expressions that mean the same read the same.
std::string cron_in_words(const Cron& cron);

}  // namespace rhooks::schedule
