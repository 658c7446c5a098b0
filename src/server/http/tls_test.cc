// TLS over real sockets, with certificates that the test makes.
#include "server/http/tls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <filesystem>
#include <fstream>

#include "server/http/http2_test_client.h"
#include "server/http/test_client.h"

namespace accel::http {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr long kDay = 86'400;

template <class T, void (*kFree)(T*)>
struct FreeBy {
  void operator()(T* value) const { kFree(value); }
};
using Key = std::unique_ptr<EVP_PKEY, FreeBy<EVP_PKEY, EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, FreeBy<X509, X509_free>>;

struct Identity {
  Key key;
  Certificate certificate;
};

// Signed by `issuer`, or by itself; valid until so many seconds from now.
Identity make_identity(const std::string& name, const Identity* issuer = nullptr,
                       long seconds = kDay) {
  Identity made{Key(EVP_EC_gen("P-256")), Certificate(X509_new())};
  X509* certificate = made.certificate.get();
  static long serial = 0;
  X509_set_version(certificate, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -kDay);
  X509_gmtime_adj(X509_getm_notAfter(certificate), seconds);
  X509_set_pubkey(certificate, made.key.get());
  X509_NAME* subject = X509_get_subject_name(certificate);
  const auto add = [&](const char* field, const std::string& text) {
    X509_NAME_add_entry_by_txt(subject, field, MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(text.c_str()), -1, -1, 0);
  };
  add("O", "Tests, Inc.");
  add("CN", name);
  X509_set_issuer_name(certificate,
                       issuer ? X509_get_subject_name(issuer->certificate.get()) : subject);
  if (issuer == nullptr) {
    X509_EXTENSION* authority =
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_basic_constraints, "critical,CA:TRUE");
    X509_add_ext(certificate, authority, -1);
    X509_EXTENSION_free(authority);
  }
  X509_sign(certificate, issuer ? issuer->key.get() : made.key.get(), EVP_sha256());
  return made;
}

// A client that trusts one authority and may have a certificate of its own.
class TlsClient : public Transport {
 public:
  struct Options {
    const Identity* trusts = nullptr;
    const Identity* own = nullptr;
    int version = 0;
    std::string protocols = "\x08http/1.1";
    SSL_SESSION* session = nullptr;
  };

  TlsClient(uint16_t port, const Options& options)
      : client_(port), context_(SSL_CTX_new(TLS_client_method())) {
    if (options.trusts != nullptr) {
      SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
      X509_STORE_add_cert(SSL_CTX_get_cert_store(context_.get()),
                          options.trusts->certificate.get());
    }
    if (options.own != nullptr) {
      SSL_CTX_use_certificate(context_.get(), options.own->certificate.get());
      SSL_CTX_use_PrivateKey(context_.get(), options.own->key.get());
    }
    if (options.version != 0) {
      SSL_CTX_set_min_proto_version(context_.get(), options.version);
      SSL_CTX_set_max_proto_version(context_.get(), options.version);
      SSL_CTX_set_security_level(context_.get(), 0);
    }
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_fd(ssl_.get(), client_.fd());
    SSL_set_alpn_protos(ssl_.get(),
                        reinterpret_cast<const unsigned char*>(options.protocols.data()),
                        static_cast<unsigned>(options.protocols.size()));
    if (options.session != nullptr) SSL_set_session(ssl_.get(), options.session);
    connected_ = SSL_connect(ssl_.get()) == 1;
    ERR_clear_error();
  }

  bool connected() const { return connected_; }
  SSL* ssl() const { return ssl_.get(); }
  Client& plain() { return client_; }
  ssize_t send(std::string_view bytes) override {
    return SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
  }
  ssize_t receive(char* into, size_t size) override {
    const int n = SSL_read(ssl_.get(), into, static_cast<int>(size));
    if (n > 0) return n;
    const int error = SSL_get_error(ssl_.get(), n);
    ERR_clear_error();
    return error == SSL_ERROR_ZERO_RETURN ? 0 : -1;
  }

 private:
  Client client_;
  std::unique_ptr<SSL_CTX, FreeBy<SSL_CTX, SSL_CTX_free>> context_;
  std::unique_ptr<SSL, FreeBy<SSL, SSL_free>> ssl_;
  bool connected_ = false;
};

class Tls : public ::testing::Test {
 protected:
  void SetUp() override {
    ::signal(SIGPIPE, SIG_IGN);  // of this test's own client
    std::string name = (fs::temp_directory_path() / "accel-tls-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    write(server_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  // As the files that options_ names.
  void write(const Identity& identity) {
    write_certificates("server.pem", {&identity, &authority_});
    BIO* file = BIO_new_file(path("server.key").c_str(), "w");
    PEM_write_bio_PrivateKey(file, identity.key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    BIO_free(file);
  }
  void write_certificates(const std::string& name, const std::vector<const Identity*>& those) {
    BIO* file = BIO_new_file(path(name).c_str(), "w");
    for (const Identity* one : those) PEM_write_bio_X509(file, one->certificate.get());
    BIO_free(file);
  }
  void write_text(const std::string& name, const std::string& text) {
    std::ofstream(path(name)) << text;
  }
  TlsOptions options() const {
    return {.certificate_file = path("server.pem"), .key_file = path("server.key")};
  }
  std::shared_ptr<TlsSource> source(const TlsOptions& options) {
    auto made = TlsSource::create(options);
    EXPECT_TRUE(made.ok()) << made.status().to_string();
    return made.ok() ? *made : nullptr;
  }
  TlsClient connect(const Served& served, int version = 0) const {
    return TlsClient(served.port(), {.trusts = &authority_, .version = version});
  }

  fs::path folder_;
  Identity authority_ = make_identity("authority");
  Identity server_ = make_identity("server", &authority_);
};

TEST_F(Tls, ServesBothVersions) {
  Served served({}, 1 << 20, source(options()));
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsClient client(served.port(), {.trusts = &authority_, .version = version});
    ASSERT_TRUE(client.connected()) << version;
    Reader reader(client);
    for (const size_t size : {5, 300'000}) {
      const std::string body(size, 'x');
      client.send(request("POST", "/echo", body));
      EXPECT_TRUE(reader.next().body == "POST /echo?\n" + body);
    }
    client.send(request("GET", "/hello") + request("GET", "/echo"));
    EXPECT_EQ(reader.next().body, "hello\n");
    EXPECT_EQ(reader.next().body, "GET /echo?\n");
    const unsigned char* protocol = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(client.ssl(), &protocol, &size);
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(protocol), size), "http/1.1");
  }
  const RequestHead head = served.handler.heads()[0];
  EXPECT_TRUE(head.secure);
  EXPECT_TRUE(head.certificate.empty());
}

TEST_F(Tls, SettlesOnHttp2WithWhoeverOffersIt) {
  Served served({}, 1 << 20, source(options()));
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsClient transport(
        served.port(),
        {.trusts = &authority_, .version = version, .protocols = "\x08http/1.1\x02h2"});
    ASSERT_TRUE(transport.connected());
    Http2Client client;
    const std::string body(500'000, 'x');
    const int32_t large = client.ask("POST", "/echo", body);
    const int32_t small = client.ask("GET", "/hello");
    EXPECT_TRUE(client.wait(transport, large).body == "POST /echo?\n" + body);
    EXPECT_EQ(client.wait(transport, small).body, "hello\n");
  }
  for (const RequestHead& head : served.handler.heads()) EXPECT_TRUE(head.http2 && head.secure);
}

TEST_F(Tls, RefusesWhatIsWeak) {
  Served served({}, 1 << 20, source(options()));
  EXPECT_FALSE(TlsClient(served.port(), {.version = TLS1_1_VERSION}).connected());
  EXPECT_FALSE(TlsClient(served.port(), {.protocols = std::string("\x02h3", 3)}).connected());
  TlsClient client(served.port(), {.version = TLS1_2_VERSION});
  ASSERT_TRUE(client.connected());
  const std::string cipher = SSL_get_cipher_name(client.ssl());
  EXPECT_THAT(cipher, ::testing::StartsWith("ECDHE-"));
  EXPECT_EQ(SSL_get_current_compression(client.ssl()), nullptr);
}

// Each in its own protocol, behind the handshake.
TEST_F(Tls, TurnsAwayTooManyConnections) {
  Served served({.connections_max = 1}, 1 << 20, source(options()));
  TlsClient first(served.port(), {.trusts = &authority_});
  first.send(request("GET", "/hello"));
  Reader first_reader(first);
  EXPECT_EQ(first_reader.next().status, 200);

  TlsClient second(served.port(), {.trusts = &authority_});
  ASSERT_TRUE(second.connected());
  second.send(request("GET", "/hello"));
  Reader reader(second);
  const Answer answer = reader.next();
  EXPECT_EQ(answer.status, 503);
  EXPECT_THAT(answer.body, HasSubstr("connections"));
  EXPECT_TRUE(reader.closed());

  TlsClient third(served.port(), {.trusts = &authority_, .protocols = "\x02h2"});
  ASSERT_TRUE(third.connected());
  Http2Client client;
  client.ask("GET", "/hello");
  EXPECT_FALSE(client.talk(third, [] { return false; }));
  EXPECT_EQ(client.goaway(), NGHTTP2_ENHANCE_YOUR_CALM);

  EXPECT_EQ(served.server->counts().refused, 2u);
  EXPECT_EQ(served.handler.heads().size(), 1u);
  first.send(request("GET", "/hello"));
  EXPECT_EQ(first_reader.next().status, 200);
}

TEST_F(Tls, ResumesSessions) {
  Served served({}, 1 << 20, source(options()));
  SSL_SESSION* session = nullptr;
  {
    TlsClient client(served.port(), {.trusts = &authority_});
    Reader reader(client);
    client.send(request("GET", "/hello"));
    EXPECT_EQ(reader.next().status, 200);
    session = SSL_get1_session(client.ssl());
    SSL_shutdown(client.ssl());  // or OpenSSL takes the session for a broken one
  }
  TlsClient again(served.port(), {.trusts = &authority_, .session = session});
  EXPECT_EQ(SSL_session_reused(again.ssl()), 1);
  SSL_SESSION_free(session);
}

TEST_F(Tls, ClosesCleanlyForThoseWhoSpeakNone) {
  Served served({.header_seconds_max = 0.5}, 1 << 20, source(options()));
  Client client(served.port());
  client.send(request("GET", "/hello", "", std::string("X: ") + std::string(5000, 'x') + "\r\n"));
  char bytes[1000];
  ssize_t got = 0;
  while ((got = client.receive(bytes, sizeof(bytes))) > 0) {
  }
  EXPECT_EQ(got, 0);  // rather than a reset
  Client silent(served.port());
  EXPECT_TRUE(Reader(silent).ended());
  EXPECT_EQ(served.server->counts().timeouts, 1u);
}

TEST_F(Tls, SeesItsClientsLeave) {
  Served served({}, 1 << 20, source(options()));
  for (const bool politely : {true, false}) {
    const std::string name = politely ? "polite" : "gone";
    const auto script = served.handler.script(name);
    TlsClient client(served.port(), {.trusts = &authority_});
    client.send(request("GET", "/script/" + name));
    ASSERT_TRUE(eventually([&] { return script->waited_for(); }));
    script->give({.head = ResponseHead{}, .body = "some"});
    char byte = 0;
    ASSERT_EQ(client.receive(&byte, 1), 1);
    if (politely) {
      SSL_shutdown(client.ssl());
    } else {
      client.plain().close();
    }
    EXPECT_TRUE(eventually([&] { return script->destroyed(); })) << name;
  }
  EXPECT_EQ(served.server->counts().abandoned, 2u);
}

TEST_F(Tls, DrainsIdleConnections) {
  Served served({}, 1 << 20, source(options()));
  TlsClient client(served.port(), {.trusts = &authority_});
  Reader reader(client);
  client.send(request("GET", "/hello"));
  EXPECT_EQ(reader.next().status, 200);
  EXPECT_TRUE(served.server->drain(kPatience.count()));
  EXPECT_TRUE(reader.closed());  // with TLS's own word for it
}

TEST_F(Tls, DrainsIdleConnectionsOfHttp2) {
  Served served({}, 1 << 20, source(options()));
  TlsClient transport(served.port(), {.trusts = &authority_, .protocols = "\x02h2"});
  Http2Client client;
  EXPECT_EQ(client.wait(transport, client.ask("GET", "/hello")).status, 200);
  EXPECT_TRUE(served.server->drain(kPatience.count()));
  EXPECT_FALSE(client.talk(transport, [] { return false; }));
  EXPECT_EQ(client.goaway(), NGHTTP2_NO_ERROR);
}

TEST_F(Tls, DemandsCertificatesOfClients) {
  const Identity clients = make_identity("clients' authority");
  const Identity fine = make_identity("a client, \"Ω\"", &clients);
  const Identity expired = make_identity("late", &clients, -1);
  const Identity foreign = make_identity("foreign", &authority_);
  write_certificates("clients.pem", {&clients});
  TlsOptions with = options();
  with.client_authority_file = path("clients.pem");
  Served served({}, 1 << 20, source(with));
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const auto answered = [&](const Identity* own) {
      TlsClient client(served.port(), {.trusts = &authority_, .own = own, .version = version});
      client.send(request("GET", "/hello"));
      return Reader(client).next().status == 200;
    };
    EXPECT_TRUE(answered(&fine)) << version;
    EXPECT_FALSE(answered(nullptr)) << version;
    EXPECT_FALSE(answered(&expired)) << version;
    EXPECT_FALSE(answered(&foreign)) << version;
  }
  ASSERT_EQ(served.handler.heads().size(), 2u);
  EXPECT_EQ(served.handler.heads()[0].certificate,
            "CN=a client\\, \\\"\\CE\\A9\\\",O=Tests\\, Inc.");
}

TEST_F(Tls, ReloadsUnderConnections) {
  const auto tls = source(options());
  EXPECT_GT(tls->seconds_left(), kDay - 3600);
  EXPECT_LE(tls->seconds_left(), kDay);
  Served served({}, 1 << 20, tls);
  TlsClient former(served.port(), {.trusts = &authority_});
  ASSERT_TRUE(former.connected());
  const auto name_of = [](const TlsClient& client) {
    char text[100] = {};
    X509_NAME_get_text_by_NID(X509_get_subject_name(SSL_get0_peer_certificate(client.ssl())),
                              NID_commonName, text, sizeof(text));
    return std::string(text);
  };
  EXPECT_EQ(name_of(former), "server");

  write(make_identity("renewed", &authority_, 2 * kDay));
  std::atomic<bool> done{false};
  std::thread reloading([&] {
    while (!done) EXPECT_TRUE(tls->reload().ok());
  });
  for (int i = 0; i < 20; ++i) {
    TlsClient client(served.port(), {.trusts = &authority_});
    EXPECT_TRUE(client.connected());
  }
  done = true;
  reloading.join();
  EXPECT_EQ(name_of(TlsClient(served.port(), {.trusts = &authority_})), "renewed");
  EXPECT_GT(tls->seconds_left(), kDay);

  write_text("server.pem", "nonsense");
  EXPECT_EQ(tls->reload().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(name_of(TlsClient(served.port(), {.trusts = &authority_})), "renewed");
  Reader reader(former);
  former.send(request("GET", "/hello"));
  EXPECT_EQ(reader.next().status, 200);
}

TEST_F(Tls, SaysWhatIsWrongWithItsFiles) {
  const auto fault = [&](const TlsOptions& options) {
    const auto made = TlsSource::create(options);
    return made.ok() ? Status() : made.status();
  };
  TlsOptions wrong = options();
  wrong.certificate_file = path("missing.pem");
  EXPECT_EQ(fault(wrong).code(), StatusCode::kNotFound);
  EXPECT_THAT(fault(wrong).message(), HasSubstr("missing.pem"));
  wrong = options();
  wrong.key_file = path("missing.key");
  EXPECT_EQ(fault(wrong).code(), StatusCode::kNotFound);

  write_text("nonsense.pem", "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n");
  for (const std::string file : {"nonsense.pem", "server.key"}) {
    wrong = options();
    wrong.certificate_file = path(file);
    EXPECT_EQ(fault(wrong).code(), StatusCode::kInvalidArgument) << file;
    EXPECT_THAT(fault(wrong).message(), HasSubstr(file));
    wrong = options();
    wrong.client_authority_file = path(file);
    EXPECT_EQ(fault(wrong).code(), StatusCode::kInvalidArgument) << file;
  }
  wrong = options();
  wrong.key_file = path("server.pem");
  EXPECT_EQ(fault(wrong).code(), StatusCode::kInvalidArgument);

  // A key of another, one with a password, and a certificate whose time is over.
  const Identity other = make_identity("other", &authority_);
  BIO* file = BIO_new_file(path("other.key").c_str(), "w");
  PEM_write_bio_PrivateKey(file, other.key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  BIO_free(file);
  wrong.key_file = path("other.key");
  EXPECT_EQ(fault(wrong).code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(fault(wrong).message(), HasSubstr("other.key"));
  file = BIO_new_file(path("locked.key").c_str(), "w");
  PEM_write_bio_PrivateKey(file, server_.key.get(), EVP_aes_128_cbc(),
                           reinterpret_cast<const unsigned char*>("secret"), 6, nullptr, nullptr);
  BIO_free(file);
  wrong.key_file = path("locked.key");
  EXPECT_EQ(fault(wrong).code(), StatusCode::kInvalidArgument);
  Identity weak{Key(EVP_RSA_gen(1024)), Certificate(X509_dup(server_.certificate.get()))};
  X509_set_pubkey(weak.certificate.get(), weak.key.get());
  X509_sign(weak.certificate.get(), authority_.key.get(), EVP_sha256());
  write(weak);
  EXPECT_EQ(fault(options()).code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(fault(options()).message(), HasSubstr("too small"));
  write(make_identity("late", &authority_, -1));
  EXPECT_EQ(fault(options()).code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(fault(options()).message(), HasSubstr("expired"));
}

}  // namespace
}  // namespace accel::http
