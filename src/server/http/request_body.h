// What becomes of a body between the connection, of whichever version, and the exchange that is
// given it whole. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "server/http/coding.h"
#include "server/http/refusal.h"

namespace accel::http {

constexpr size_t kSpareBytes = 64;  // behind a body, for parsers that read beyond the end

// How a request's body is coded, and how much of it is taken.
struct BodyRule {
  uint64_t bytes_max = 0;  // before and after decoding
  Coding coding = Coding::kIdentity;
};

// By the headers of a request and its exchange, which may throw. Refuses with 413 what says that it
// is too long, and with 415 a coding that is not known.
Refusal find_rule(const Exchange& exchange, const std::string& content_encoding, uint64_t length,
                  BodyRule& rule);
Refusal too_long(uint64_t bytes_max, uint64_t found);
// Of several headers one after the other, as "a, b".
std::string joined_values(const Headers& headers, std::string_view name);

// So that `body` can grow to `size` and then to `length` bytes, its spare ones among them: memory
// follows what has come, twice as much at a time.
void make_body_room(std::string& body, size_t size, uint64_t length);
// The whole body, as it came, becomes what the exchange is given. Refuses with 400 what is not so
// coded, and with 413 what is too long decoded.
Refusal finish_body(const BodyRule& rule, std::string& body);

}  // namespace accel::http
