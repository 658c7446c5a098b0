// Which models a server serves, and under which names. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "accel/status.h"

namespace accel::cli {

struct ServedName {
  std::string name;                  // under which clients ask for it
  std::string model;                 // what LoadOptions::path takes
  std::vector<std::string> aliases;  // that are free
};

// Of "NAME=MODEL" or MODEL, whose name is its last part, without revision and a file's suffix:
// "all-MiniLM-L6-v2" of "sentence-transformers/all-MiniLM-L6-v2@main". A name of the Hub remains an
// alias, and the first model is "default" as well. INVALID_ARGUMENT for names that are empty, occur
// twice or have a
// ":".
Result<std::vector<ServedName>> served_names(const std::vector<std::string>& given);

// "NAME=TARGET", as --alias has it.
struct GivenAlias {
  std::string name;
  std::string target;
};
Result<GivenAlias> parse_alias(std::string_view text);

// "127.0.0.1:8000", "[::1]:8000", "8000", ":8000" or "unix:/run/accel.sock".
struct ListenAddress {
  std::string address;  // "127.0.0.1" where none is given
  uint16_t port = 0;
  int fd = -1;         // an open socket that listens there; -1: none
  bool admin = false;  // for what administrators ask alone
};
Result<ListenAddress> parse_listen(std::string_view text);

// Whether only this machine can reach it.
bool is_loopback(std::string_view address);

}  // namespace accel::cli
