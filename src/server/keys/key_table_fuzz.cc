// Whatever stands in a file of keys, it is refused with the file's name, or its keys are ones that
// a server can use; and the file can then be changed without changing its other keys.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "server/keys/key_edit.h"
#include "server/keys/key_table.h"
#include "server/keys/key_text.h"

namespace {

void expect(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using accel::server::Key;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto table = accel::server::parse_key_table(text, "file");
  if (!table.ok()) {
    expect(table.status().message().starts_with("file:"));
    return 0;
  }
  for (const Key& key : table->keys()) {
    expect(accel::server::is_key_name(key.name) && accel::server::is_key_hash(key.hash));
    expect(key.limits.requests_per_second == 0 || key.limits.burst >= 1);
    expect(table->find(key.hash) == &key);
    const auto again = accel::server::with_key("", "file", key);  // as it is, in a file of its own
    expect(again.ok());
    const auto without = accel::server::without_keys(text, "file", key.name);
    if (without.ok()) {
      const auto rest = accel::server::parse_key_table(without->text, "file");
      expect(rest.ok() && rest->keys().size() + without->count == table->keys().size());
    }
  }
  const Key added{.name = "added", .hash = std::string(64, 'd')};
  const auto with = accel::server::with_key(text, "file", added);
  if (with.ok()) {
    const auto more = accel::server::parse_key_table(*with, "file");
    expect(more.ok() && more->keys().size() == table->keys().size() + 1);
  }
  return 0;
}
