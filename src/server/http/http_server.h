// HttpServer: HTTP/1.1 and HTTP/2 over TCP and TLS, for many connections on few threads. Clients
// choose HTTP/2 by ALPN, over plain TCP by beginning with its preface.
//
//   ACCEL_ASSIGN(auto server, HttpServer::create(options, {{.address = "127.0.0.1", .port = 8000,
//                                                            .handler = &handler}}));
//   server->ports();            // what the system chose for port 0
//   server->drain(seconds);     // no further requests; waits for those under way
//
// Limits are against clients that are slow, loud or gone: HttpServerOptions has them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "accel/status.h"
#include "server/http/message.h"
#include "server/http/tls.h"

namespace accel::http {

struct HttpServerOptions {
  int threads = 2;  // that read, parse and write
  // More are told so, by 503 or by HTTP/2's GOAWAY (ENHANCE_YOUR_CALM), and closed; over TLS after
  // its handshake. When a sixteenth more are being told, further ones are closed at once.
  size_t connections_max = 20'000;
  double idle_seconds_max = 300;         // of a connection without a request
  double header_seconds_max = 10;        // from the first byte of a request to the end of its head
  uint64_t header_bytes_max = 16 << 10;  // of a request line and headers together
  // By which bodies and answers must move on, on average; 0: they need not.
  uint64_t bytes_per_second_min = 1024;
  uint64_t requests_per_connection_max = 0;  // then it is closed; 0: no bound
  double grace_seconds = 10;                 // before bytes_per_second_min is asked for
  uint32_t http2_streams_max = 1024;         // at a time on a connection of HTTP/2
  // Requests that a client of HTTP/2 may cancel before their answer begins: so many at once, as
  // many again in each half a minute, and one for each that is answered. Beyond that its connection
  // is closed with ENHANCE_YOUR_CALM.
  uint32_t http2_cancels_max = 10'000;
};

struct Listener {
  // "127.0.0.1", "0.0.0.0"; "::1", "::" (IPv6 only); "unix:/path/of/socket", where a socket that
  // nobody listens on any more is replaced.
  std::string address;
  uint16_t port = 0;           // 0: the system chooses
  int fd = -1;                 // an open, listening socket that is taken over instead; -1: none
  Handler* handler = nullptr;  // outlives the server
  std::shared_ptr<const TlsSource> tls = {};  // null: plain
};

// Counts since it was made.
struct HttpCounts {
  uint64_t connections = 0;       // now
  uint64_t connections_idle = 0;  // of them between two requests
  uint64_t accepted = 0;
  uint64_t refused = 0;    // beyond connections_max
  uint64_t requests = 0;   // whose head was read
  uint64_t malformed = 0;  // answered by Handler::refuse(), or by an error of HTTP/2
  uint64_t timeouts = 0;   // connections, and streams of HTTP/2, ended as a client was too slow
  uint64_t abandoned = 0;  // requests whose client left before the answer was written
  uint64_t bytes_in = 0;
  uint64_t bytes_out = 0;
};

// Safe from any thread. Its destructor ends all connections at once.
class HttpServer {
 public:
  // Listens before it returns. INVALID_ARGUMENT for an address that is none, ALREADY_EXISTS for a
  // port that is taken, PERMISSION_DENIED. Raises the process's limit of open files as far as it
  // may. Descriptors that are taken over are closed at the end, also where this fails.
  static Result<std::unique_ptr<HttpServer>> create(const HttpServerOptions& options,
                                                    std::vector<Listener> listeners);
  virtual ~HttpServer() = default;

  // Of each listener, in order; 0 of unix sockets.
  virtual std::vector<uint16_t> ports() const = 0;
  virtual HttpCounts counts() const = 0;
  // Closes the listening sockets and idle connections, lets what is under way end, and closes each
  // connection behind its answer. False when some had not ended after so long.
  virtual bool drain(double seconds) = 0;
};

}  // namespace accel::http
