// The texts of keys, and what is kept of them.
#pragma once

#include <string>
#include <string_view>

#include "accel/status.h"

namespace accel::server {

// "accel-" and 256 random bits of the system, as 43 characters of base64url (RFC 4648, section 5).
// UNAVAILABLE when the system has no random bits.
Result<std::string> new_key_text();

// SHA-256 (FIPS 180-4) as 64 lower-case hexadecimal digits. Enough for texts that nobody can guess;
// a password that somebody thought of would need a slow hash.
std::string key_hash(std::string_view text);

// Whether it is 64 lower-case hexadecimal digits.
bool is_key_hash(std::string_view text);

}  // namespace accel::server
