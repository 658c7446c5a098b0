#include "server/http/tls.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <mutex>
#include <vector>

#include "base/files.h"
#include "base/try.h"

namespace accel::http {
namespace {

constexpr uint64_t kPemBytesMax = 4 << 20;
constexpr double kSecondsPerDay = 86'400;
// TLS 1.2: forward secrecy and authenticated encryption; those of TLS 1.3 all are.
constexpr const char* kCiphers = "ECDHE+AESGCM:ECDHE+CHACHA20";
// At least 112 bits: no RSA keys below 2048, no signatures by SHA-1, whatever the system allows.
constexpr int kSecurityLevelMin = 2;
constexpr unsigned char kProtocols[] = "\x02h2\x08http/1.1";  // as ALPN writes them

struct Free {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

// What OpenSSL complains of, and forgets then.
std::string openssl_reason() {
  const unsigned long code = ERR_peek_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  std::string text = reason == nullptr ? "OpenSSL gives no reason" : reason;
  ERR_clear_error();
  return text;
}

Status pem_error(const std::string& file, std::string_view expected) {
  return invalid_argument(
      fmt::format("{}: expected {} in PEM, found none: {}", file, expected, openssl_reason()));
}

// Keys are not asked for at the terminal.
int no_password(char*, int, int, void*) { return -1; }

Result<Owned<BIO>> open_pem(const std::string& file, std::string& bytes) {
  Result<std::string> read = read_file(file, kPemBytesMax);
  if (!read.ok()) return read.status();
  bytes = std::move(*read);
  Owned<BIO> bio(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
  if (bio == nullptr) return resource_exhausted("OpenSSL found no memory");
  ERR_clear_error();
  return bio;
}

// All of a file; at least one.
Result<std::vector<Owned<X509>>> read_certificates(const std::string& file) {
  std::string bytes;
  ACCEL_ASSIGN(const Owned<BIO> bio, open_pem(file, bytes));
  std::vector<Owned<X509>> certificates;
  while (X509* next = PEM_read_bio_X509(bio.get(), nullptr, no_password, nullptr)) {
    certificates.emplace_back(next);
  }
  // The end looks like a missing first line.
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  if (certificates.empty() || !at_end) return pem_error(file, "certificates");
  ERR_clear_error();
  return certificates;
}

Result<Owned<EVP_PKEY>> read_key(const std::string& file) {
  std::string bytes;
  ACCEL_ASSIGN(const Owned<BIO> bio, open_pem(file, bytes));
  Owned<EVP_PKEY> key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr));
  OPENSSL_cleanse(bytes.data(), bytes.size());
  if (key == nullptr) return pem_error(file, "a private key without a password");
  return key;
}

// From now to its end; negative when that has passed.
double seconds_until_end(const X509* certificate) {
  int days = 0;
  int seconds = 0;
  if (ASN1_TIME_diff(&days, &seconds, nullptr, X509_get0_notAfter(certificate)) != 1) return -1;
  return days * kSecondsPerDay + seconds;
}

int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* size,
                    const unsigned char* offered, unsigned int offered_size, void*) {
  unsigned char* found = nullptr;
  const int code = SSL_select_next_proto(&found, size, kProtocols, sizeof(kProtocols) - 1, offered,
                                         offered_size);
  *chosen = found;
  return code == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

Status set_certificate(SSL_CTX* context, const TlsOptions& options,
                       std::vector<Owned<X509>> certificates) {
  const std::string& file = options.certificate_file;
  if (seconds_until_end(certificates[0].get()) <= 0) {
    return invalid_argument(fmt::format(
        "{}: expected a certificate that is valid now, found one that has expired; renew it",
        file));
  }
  if (SSL_CTX_use_certificate(context, certificates[0].get()) != 1) {
    return invalid_argument(
        fmt::format("{}: OpenSSL does not take the certificate: {}", file, openssl_reason()));
  }
  for (size_t i = 1; i < certificates.size(); ++i) {
    if (SSL_CTX_add1_chain_cert(context, certificates[i].get()) != 1) {
      return invalid_argument(fmt::format("{}: OpenSSL does not take certificate {}: {}", file,
                                          i + 1, openssl_reason()));
    }
  }
  ACCEL_ASSIGN(const Owned<EVP_PKEY> key, read_key(options.key_file));
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1 || SSL_CTX_check_private_key(context) != 1) {
    return invalid_argument(fmt::format("{}: expected the key of the certificate in {}: {}",
                                        options.key_file, file, openssl_reason()));
  }
  return {};
}

Status demand_clients(SSL_CTX* context, const std::string& file) {
  ACCEL_ASSIGN(const auto authorities, read_certificates(file));
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  for (const Owned<X509>& authority : authorities) {
    if (X509_STORE_add_cert(store, authority.get()) != 1 ||
        SSL_CTX_add_client_CA(context, authority.get()) != 1) {
      return invalid_argument(
          fmt::format("{}: OpenSSL does not take a certificate: {}", file, openssl_reason()));
    }
  }
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  return {};
}

Result<Owned<SSL_CTX>> make_context() {
  ERR_clear_error();
  Owned<SSL_CTX> context(SSL_CTX_new(TLS_server_method()));
  static constexpr unsigned char kSessionName[] = "accel";
  if (context == nullptr || SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) != 1 ||
      SSL_CTX_set_cipher_list(context.get(), kCiphers) != 1 ||
      SSL_CTX_set_session_id_context(context.get(), kSessionName, sizeof(kSessionName) - 1) != 1) {
    return internal_error("OpenSSL cannot be set up: " + openssl_reason());
  }
  SSL_CTX_set_security_level(
      context.get(), std::max(SSL_CTX_get_security_level(context.get()), kSecurityLevelMin));
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                         SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                      SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);  // tickets need none
  SSL_CTX_set_default_passwd_cb(context.get(), no_password);
  SSL_CTX_set_alpn_select_cb(context.get(), choose_protocol, nullptr);
  return context;
}

struct Generation {
  std::shared_ptr<SSL_CTX> context;
  std::shared_ptr<X509> certificate;
};

Result<Generation> read_generation(const TlsOptions& options) {
  ACCEL_ASSIGN(Owned<SSL_CTX> context, make_context());
  ACCEL_ASSIGN(auto certificates, read_certificates(options.certificate_file));
  X509_up_ref(certificates[0].get());
  std::shared_ptr<X509> certificate(certificates[0].get(), Free());
  ACCEL_TRY(set_certificate(context.get(), options, std::move(certificates)));
  if (!options.client_authority_file.empty()) {
    ACCEL_TRY(demand_clients(context.get(), options.client_authority_file));
  }
  return Generation{.context = std::move(context), .certificate = std::move(certificate)};
}

class FileTlsSource : public TlsSource {
 public:
  FileTlsSource(TlsOptions options, Generation generation)
      : options_(std::move(options)), generation_(std::move(generation)) {}

  Status reload() override {
    ACCEL_ASSIGN(Generation next, read_generation(options_));
    const std::lock_guard lock(mutex_);
    std::swap(generation_, next);
    return {};
  }
  double seconds_left() const override {
    const std::lock_guard lock(mutex_);
    return seconds_until_end(generation_.certificate.get());
  }
  std::shared_ptr<ssl_ctx_st> context() const override {
    const std::lock_guard lock(mutex_);
    return generation_.context;
  }

 private:
  const TlsOptions options_;
  mutable std::mutex mutex_;
  Generation generation_;  // guarded by mutex_
};

}  // namespace

Result<std::shared_ptr<TlsSource>> TlsSource::create(const TlsOptions& options) {
  ACCEL_ASSIGN(Generation generation, read_generation(options));
  return std::shared_ptr<TlsSource>(
      std::make_shared<FileTlsSource>(options, std::move(generation)));
}

}  // namespace accel::http
