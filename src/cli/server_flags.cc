#include "cli/server_flags.h"

#include <fmt/format.h>

#include "base/try.h"
#include "hub/locate.h"
#include "hub/settings.h"

namespace accel::cli {

void ServerFlags::declare(Flags& flags) {
  flags.text("--server", "URL", &url,
             "the server at http://HOST:PORT, https://HOST or unix:/PATH answers, as accel serve "
             "does; MODEL is a name of its own and may be left out where it has one alone");
  declare_connection(flags);
}

void ServerFlags::declare_connection(Flags& flags) {
  flags.text("--key", "KEY", &key,
             "the server's key; other users of this machine can read the arguments of a program, "
             "but not $ACCEL_SERVER_KEY, which is taken without it");
  flags.text("--ca-file", "FILE", &ca_file,
             "PEM: the authority of the server's certificate (default: $SSL_CERT_FILE, else those "
             "that this system trusts)");
  flags.number("--timeout-seconds", &timeout_seconds,
               "for one answer of the server, with all that is tried again (default 300)");
}

Result<std::shared_ptr<client::ServerClient>> ServerFlags::connect(
    const Interrupt* interrupt) const {
  client::ServerOptions options{.url = url,
                                .key = key,
                                .ca_file = ca_file.empty() ? hub::ca_file() : ca_file,
                                .timeout_seconds = static_cast<double>(timeout_seconds)};
  if (options.key.empty()) {
    const char* kept = hub::environment_variable("ACCEL_SERVER_KEY");
    if (kept != nullptr) options.key = kept;
  }
  if (interrupt != nullptr) options.stopped = [interrupt] { return interrupt->signalled(); };
  auto client = client::ServerClient::create(options);
  if (!client.ok()) return client.status().with_context("--server");
  return client;
}

Result<std::unique_ptr<client::RemoteModel>> ServerFlags::open(const ModelFlags& model, bool named,
                                                               const Interrupt* interrupt) const {
  const std::string loading = model.loading_flag();
  if (!loading.empty()) {
    return invalid_argument(fmt::format(
        "{}: expected none with --server, which has loaded its models already", loading));
  }
  ACCEL_ASSIGN(auto client, connect(interrupt));
  const bool alone = !named && model.model == hub::kDefaultName;
  return client::RemoteModel::open(std::move(client), alone ? "" : model.model);
}

}  // namespace accel::cli
