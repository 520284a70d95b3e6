#pragma once

namespace rhooks::cli {

// Makes the process one that a server can run in, whatever started it; the first thing in main().
//
// A standard descriptor that is closed is opened: otherwise the next file, perhaps one of the
// store's, gets its number and every message with it. It fails as a closed one does, so that
// output that nobody gets is an error still.
// A file that meets the limit on the size of files (ulimit -f) fails to grow, as on a full disk,
// and does not end the process (SIGXFSZ).
// Files are made for their owner alone, and the keys of TLS sessions are written nowhere, whatever
// SSLKEYLOGFILE says.
void prepare_process();

}  // namespace rhooks::cli
