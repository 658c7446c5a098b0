// What accel says while it works: which device, precision and kernels it chose, what the cache
// gave, why something else runs than was asked for. The caller of a library decides where it goes.
//
//   accel::EngineOptions options;
//   options.log = {.sink = [](const accel::LogLine& line) { my_logger.write(line.text); },
//                  .levels = "accel.cache=debug"};
//   auto engine = accel::Engine::create(options);
//
// Each engine has a log of its own, and without a sink it says nothing: nothing is global, and the
// library itself never prints. What a call must tell its caller is in its Status or report as well.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace accel {

enum class LogLevel : uint8_t {
  kDebug,    // each decision, with its cause
  kInfo,     // that a model was loaded, converted
  kWarning,  // it goes on otherwise than was asked: a fallback, a cache that cannot be written
  kError,    // a call fails; its Status says the same
  kOff,      // of no line: a part that shall say nothing
};

// Views that are valid during the call.
struct LogLine {
  LogLevel level = LogLevel::kInfo;
  // Who says it:
  // * accel.engine: what was loaded, with its device, precision, kernels, cache and fallback
  // * accel.backend: compiling and importing, by which engine, how long, why not
  // * accel.cache: what was looked up, found, kept, and why not
  // * accel.fallback: what is tried, or ran, instead of what
  // * accel.converter: the caller's own converters (accel/converter.h)
  std::string_view name;
  std::string_view text;  // one sentence without a line feed at its end; UTF-8
};

// Called from any thread of accel, by several at the same time, and never with a lock held: it may
// call the engine. It should be quick, for the work waits. What it throws is dropped. It lives as
// long as the engine and the models that were loaded with it.
using LogSink = std::function<void(const LogLine&)>;

struct LogOptions {
  LogSink sink;  // none: nothing is said
  // The least level of each part, "NAME=LEVEL,...": debug, info, warning, error, off. "accel", or a
  // level alone, is for all; "accel." may be left out; what is said of one part goes before what is
  // said of all. Empty: info.
  std::string levels;
};

}  // namespace accel
