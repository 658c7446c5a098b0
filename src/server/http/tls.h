// TLS: certificates and what is demanded of clients, by OpenSSL.
#pragma once

#include <memory>
#include <string>

#include "accel/status.h"

struct ssl_ctx_st;

namespace accel::http {

struct TlsOptions {
  std::string certificate_file;  // PEM: the server's, then those up to its authority
  std::string key_file;          // PEM, its private key
  // PEM: authorities whose certificates clients must present; empty: clients need none.
  std::string client_authority_file;
};

// The certificates that the next connection uses; reload() changes them while others go on.
// TLS 1.2 and 1.3 with forward secrecy; HTTP/2 and HTTP/1.1 by ALPN. Safe from any thread.
class TlsSource {
 public:
  // NOT_FOUND, INVALID_ARGUMENT: a file that is no PEM, a key that does not belong to the
  // certificate, a certificate that has expired.
  static Result<std::shared_ptr<TlsSource>> create(const TlsOptions& options);
  virtual ~TlsSource() = default;

  // Reads the files again; errors as create(), after which the former ones stay.
  virtual Status reload() = 0;
  // Seconds from now until the certificate expires.
  virtual double seconds_left() const = 0;
  // For whoever accepts connections; lives as long as the result.
  virtual std::shared_ptr<ssl_ctx_st> context() const = 0;
};

}  // namespace accel::http
