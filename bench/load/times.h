#pragma once

// Times as text. `scripts/bench.sh --compare` builds these files with older revisions, where this
// was a part of the codec.
#if __has_include("base/iso8601.h")
#include "base/iso8601.h"
#else
#include "codec/iso8601.h"
namespace rhooks {
using codec::format_time;
}
#endif
