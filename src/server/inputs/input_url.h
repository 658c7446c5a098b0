// Where an image or a recording is, in place of its bytes. Pure.
//
//   https://host[:port]/path?query   http://...
//   data:image/png;base64,...        with or without base64, RFC 2397
//   file:///folder/image.png         file://localhost/..., RFC 8089
//
// Stricter than browsers are, so that nobody reads a URL in another way than we do: no user's name,
// no blank, backslash or byte beyond ASCII, an IPv4 address only as four decimal numbers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "accel/status.h"

namespace accel::server {

constexpr size_t kInputUrlBytesMax = 8192;  // of one that holds no data

enum class InputScheme : uint8_t {
  kNone,  // bytes of a file: no image and no recording begins as a URL does
  kHttp,  // or https
  kData,
  kFile,
};
constexpr size_t kInputSchemes = 4;

// By its beginning, in any case.
InputScheme scheme_of(std::string_view media);

struct HttpUrl {
  bool tls = false;
  std::string host;  // small letters, digits, '-', '_' and '.'; or an address, of IPv6 bare
  bool address = false;
  uint16_t port = 0;   // the scheme's own where none was given
  std::string target;  // "/path?query", never empty

  std::string origin() const;  // "https://host:443"
  std::string shown() const;   // without the query, which may hold a secret
  std::string text() const;    // whole, and read by everybody alike
  uint16_t usual_port() const { return tls ? 443 : 80; }
};

// All are INVALID_ARGUMENT for what is not such a URL.
Result<HttpUrl> parse_http_url(std::string_view text);
// The bytes. The media type is not looked at: what they are is seen in them.
Result<std::string> bytes_of_data_url(std::string_view text);
// The absolute path, which may hold "..".
Result<std::string> path_of_file_url(std::string_view text);

// "name.example" in small letters, or an address in its usual form; for URLs and rules of hosts.
struct HostName {
  std::string name;
  bool address = false;
};
Result<HostName> parse_host(std::string_view text);
Result<uint16_t> parse_port(std::string_view text);

}  // namespace accel::server
