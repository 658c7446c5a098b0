#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <climits>

#include "server/http/stream.h"

namespace accel::http {
namespace {

struct SslFree {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};

std::string subject_of(X509* certificate) {
  std::unique_ptr<BIO, decltype(&BIO_free)> text(BIO_new(BIO_s_mem()), BIO_free);
  if (text == nullptr || certificate == nullptr) return {};
  X509_NAME_print_ex(text.get(), X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253);
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(text.get(), &bytes);
  return size > 0 ? std::string(bytes, static_cast<size_t>(size)) : std::string();
}

class TlsStream : public Stream {
 public:
  TlsStream(int fd, std::unique_ptr<SSL, SslFree> ssl) : Stream(fd), ssl_(std::move(ssl)) {}

  Io handshake() override {
    ERR_clear_error();
    const int code = SSL_accept(ssl_.get());
    return code == 1 ? Io::kDone : outcome(code);
  }

  Attempt read(std::span<char> into) override {
    ERR_clear_error();
    const int code = SSL_read(ssl_.get(), into.data(), slice(into.size()));
    if (code > 0) return {.io = Io::kDone, .bytes = static_cast<size_t>(code)};
    return {.io = outcome(code)};
  }

  Attempt write(std::span<const iovec> from) override {
    const auto piece = std::ranges::find_if(from, [](const iovec& v) { return v.iov_len > 0; });
    if (piece == from.end()) return {.io = Io::kGone};
    ERR_clear_error();
    const int code = SSL_write(ssl_.get(), piece->iov_base, slice(piece->iov_len));
    if (code > 0) return {.io = Io::kDone, .bytes = static_cast<size_t>(code)};
    return {.io = outcome(code)};
  }

  bool holds_bytes() const override { return SSL_has_pending(ssl_.get()) == 1; }

  Io look() override {
    char byte = 0;
    ERR_clear_error();
    const int code = SSL_peek(ssl_.get(), &byte, 1);
    return code > 0 ? Io::kDone : outcome(code);
  }

  void shut_down() override {
    ERR_clear_error();
    if (!broken_ && SSL_is_init_finished(ssl_.get()) == 1) SSL_shutdown(ssl_.get());
    ::shutdown(fd_, SHUT_WR);
  }

  bool chose_http2() const override {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl_.get(), &name, &size);
    return std::string_view(reinterpret_cast<const char*>(name), size) == "h2";
  }

  std::string certificate() const override {
    if (SSL_get_verify_result(ssl_.get()) != X509_V_OK) return {};
    return subject_of(SSL_get0_peer_certificate(ssl_.get()));
  }

 private:
  static int slice(size_t size) { return static_cast<int>(std::min<size_t>(size, INT_MAX)); }

  Io outcome(int code) {
    switch (SSL_get_error(ssl_.get(), code)) {
      case SSL_ERROR_WANT_READ: return Io::kWantRead;
      case SSL_ERROR_WANT_WRITE: return Io::kWantWrite;
      case SSL_ERROR_ZERO_RETURN: return Io::kGone;
      default: broken_ = true; return Io::kGone;  // nothing may be sent on it any more
    }
  }

  std::unique_ptr<SSL, SslFree> ssl_;
  bool broken_ = false;
};

}  // namespace

std::unique_ptr<Stream> make_tls_stream(int fd, ssl_ctx_st& context) {
  std::unique_ptr<SSL, SslFree> ssl(SSL_new(&context));
  if (ssl == nullptr || SSL_set_fd(ssl.get(), fd) != 1) return nullptr;
  SSL_set_accept_state(ssl.get());
  return std::make_unique<TlsStream>(fd, std::move(ssl));
}

}  // namespace accel::http
