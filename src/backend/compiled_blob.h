// What stands behind an engine's own bytes in an exported model: what they are, so that the wrong
// ones are refused before an engine, which checks nothing, looks at them.
//
//   the engine's bytes, from byte 0: engines write places that count from there
//   JSON: engine, options, ports, what runs
//   "accelblb", size of the engine's bytes (8 bytes), size of the JSON (8): little-endian
#pragma once

#include <cstddef>
#include <functional>
#include <ostream>
#include <span>
#include <string>

#include "backend/backend.h"

namespace accel::backend {

struct BlobHeader {
  std::string engine;  // name and exact build
  CompileOptions options;
  Signature signature;
  Executed executed;
};

// Writes the engine's bytes by `write`, which may go back in `out`, and what describes them. `out`
// is at the position 0. `write`'s error, or INTERNAL when the stream fails.
Status write_blob(std::ostream& out, const BlobHeader& header,
                  const std::function<Status(std::ostream& out)>& write);

struct OpenedBlob {
  BlobHeader header;
  std::span<const std::byte> engine_bytes;  // a view of the blob
};

// Pure. DATA_LOSS for what is no blob, or a cut off or lengthened one.
Result<OpenedBlob> open_blob(std::span<const std::byte> blob);

// OK for a blob of this engine and these options, else FAILED_PRECONDITION with the first thing
// that differs.
Status check_blob(const BlobHeader& header, const std::string& engine,
                  const CompileOptions& options);

}  // namespace accel::backend
