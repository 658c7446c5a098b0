// For test_cache.py: store_entry FOLDER KIND LABEL PAYLOAD [NAME=VALUE ...] puts an entry into the
// cache folder and prints its key.
#include <cstdio>
#include <string>

#include "store/cache.h"

int main(int argc, char** argv) {
  if (argc < 5) return 2;
  accel::store::CacheKey key{.kind = argv[2], .parts = {}};
  for (int i = 5; i < argc; ++i) {
    const std::string part = argv[i];
    const size_t equals = part.find('=');
    if (equals == std::string::npos) return 2;
    key.add(part.substr(0, equals), part.substr(equals + 1));
  }
  const auto cache = accel::store::Cache::create({.folder = argv[1]});
  const accel::Status stored =
      cache->store(key, {.label = argv[3], .note = ""}, [&](std::ostream& out) {
        out << argv[4];
        return accel::Status();
      });
  if (!stored.ok()) {
    std::fprintf(stderr, "%s\n", stored.to_string().c_str());
    return 1;
  }
  std::puts(key.digest().c_str());
  return 0;
}
