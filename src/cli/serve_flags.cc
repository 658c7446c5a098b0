#include "cli/serve_flags.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/byte_size.h"
#include "base/try.h"
#include "cli/ovms_models.h"
#include "cli/pulling.h"
#include "cli/task_input.h"
#include "hub/locate.h"
#include "hub/settings.h"

namespace accel::cli {
namespace {

constexpr double kLookSeconds = 2;
// So long one of the two threads that serve connections may be taken for a run: others hardly
// notice, and a client that is alone need not wait until two more threads have woken.
constexpr double kHereMs = 5;

bool defines(const ServedSetup& setup, std::string_view name) {
  return std::ranges::any_of(
      setup.models, [name](const ServedDefinition& one) { return one.definition.name == name; });
}

}  // namespace

void ServeFlags::declare(Flags& flags) {
  flags.arguments("MODEL", &models, 0,
                  "what to serve, as accel run takes it, or NAME=MODEL; clients call it by that "
                  "name, else by the last part of MODEL, and the first one also default (default: "
                  "the configuration's models, else the default model)");
  flags.text(
      "--http", "ADDRESS:PORT", &http,
      "where to listen; port 0 lets the system choose, unix:PATH is a socket file, systemd or "
      "systemd:NAME a socket that systemd opened (default 127.0.0.1:8000)");
  flags.text("--grpc", "ADDRESS:PORT", &grpc,
             "a second place to listen, as 127.0.0.1:8001, where clients expect gRPC; both take "
             "HTTP and gRPC");
  flags.text("--admin", "ADDRESS:PORT", &admin,
             "another place to listen for what administrators ask, /metrics among it, which the "
             "first then leaves out");
  flags.text("--alias", "NAME=MODEL,...", &aliases,
             "further names, as text-embedding-3-small=default for clients of OpenAI's");
  flags.flag("--lazy", &lazy,
             "each model is loaded by the first who asks for it, not at the start");
  flags.text("--allow-pull", "PATTERNS", &allow_pull,
             "models of the hub that clients may have pulled and served, by Ollama's /api/pull, as "
             "'org/*,other/name'; with --keys only by a key of scope admin (default: none)");
  flags.text("--keys", "FILE", &keys,
             "only who shows one of its keys is answered; accel keys writes it");
  flags.text("--tls-certificate", "FILE", &tls.certificate_file,
             "PEM: the server's certificate and those up to its authority; it is read again when "
             "it has changed");
  flags.text("--tls-key", "FILE", &tls.key_file, "PEM: its private key");
  flags.text("--tls-clients", "FILE", &tls.client_authority_file,
             "PEM: authorities of which every client must show a certificate");
  flags.flag("--public", &public_anyway,
             "listen where other machines reach it though there are no keys or there is no TLS");
  flags.number("--requests-max", &requests_max,
               "requests under way; more are answered with 503 (default 1024)");
  flags.number("--queue-seconds", &queue_seconds,
               "a request that would wait for longer is answered with 503 at once; 0 never "
               "(default 5)");
  flags.number("--timeout-seconds", &timeout_seconds,
               "for a request that does not say itself how long it waits, by X-Request-Timeout-Ms; "
               "0 for ever (default 60)");
  flags.number("--drain-seconds", &drain_seconds,
               "how long requests under way may take after SIGTERM (default 30)");
  flags.text("--body-max", "SIZE", &body_max, "of a request, unpacked (default 64M)");
  flags.choice("--compress", &compress, {"never", "remote", "always"},
               "answers of 16 KiB and more, for clients that take gzip; remote leaves out those on "
               "this machine (default remote)");
  flags.text("--origins", "ORIGIN,...", &origins,
             "whose pages may read answers in a browser, as https://example.org; * is all");
  flags.text("--input-hosts", "HOST[:PORT],...", &model.input_hosts,
             "fetches images and recordings that requests name by URL from these hosts; *.HOST is "
             "all below it, and HOST=ADDRESS/BITS one of a private network (default: from none)");
  flags.text("--input-files", "FOLDER", &model.input_files,
             "reads images and recordings that requests name as file:///PATH below this folder "
             "(default: none)");
  declare_sight(flags);
  model.declare_options(flags);
  flags.example("accel serve all-MiniLM-L6-v2");
  flags.example(
      "curl localhost:8000/v1/embeddings -d '{\"model\": \"default\", \"input\": \"a text\"}'");
  flags.example("accel serve minilm=all-MiniLM-L6-v2 ner --http 0.0.0.0:8443 --keys keys.yaml "
                "--tls-certificate server.pem --tls-key server.key");
  flags.example("accel serve --model_name NAME --model_path FOLDER --port 9000 --rest_port 8000  "
                "# as OpenVINO Model Server: docs/guides/from_ovms.md");
}

void ServeFlags::declare_sight(Flags& flags) {
  flags.text("--log-requests", "FILE|-", &log_requests,
             "a line for each request; the file is opened again on SIGHUP, - is standard output");
  flags.choice("--log-format", &log_format, {"text", "json"}, "of these lines (default text)");
  flags.text("--trace-to", "URL", &trace_to,
             "spans of requests go to this collector of OpenTelemetry, by OTLP over HTTP");
  flags.text("--trace-ratio", "X", &trace_ratio,
             "the share of requests that are traced, 0 to 1, unless the client's traceparent says "
             "(default 1)");
}

Result<std::vector<ListenAddress>> ServeFlags::addresses(
    const std::vector<GivenSocket>& sockets) const {
  const auto parse = [&](std::string_view text) {
    constexpr std::string_view kSystemd = "systemd";
    if (text == kSystemd) return address_of(sockets, "");
    if (!text.starts_with(kSystemd) || text[kSystemd.size()] != ':') return parse_listen(text);
    return address_of(sockets, text.substr(kSystemd.size() + 1));
  };
  std::vector<ListenAddress> addresses;
  for (const auto& [flag, text] :
       {std::pair("--http", &http), std::pair("--grpc", &grpc), std::pair("--admin", &admin)}) {
    if (text->empty()) continue;
    Result<ListenAddress> address = parse(*text);
    if (!address.ok()) return address.status().with_context(flag);
    const bool guarded = !keys.empty() && !tls.certificate_file.empty();
    if (!is_loopback(address->address) && !guarded && !public_anyway) {
      return permission_denied(fmt::format(
          "{} {}: other machines could use the models {}; expected an address of this machine, as "
          "127.0.0.1:8000, or --keys and --tls-certificate, or --public",
          flag, *text, keys.empty() ? "without a key" : "with keys in the clear"));
    }
    const bool taken = std::ranges::any_of(
        addresses, [&](const ListenAddress& one) { return one.fd >= 0 && one.fd == address->fd; });
    if (taken) {
      return invalid_argument(fmt::format(
          "{} {}: expected a socket of its own, as systemd:NAME, found one that is taken", flag,
          *text));
    }
    address->admin = text == &admin;
    addresses.push_back(std::move(*address));
  }
  return addresses;
}

void ServeFlags::take(ovms::Translated translated) {
  ovms = std::move(translated);
  model.further = ovms.settings;
  model.log_levels = ovms.log_level;
}

double ServeFlags::look_seconds() const { return ovms.look_seconds.value_or(kLookSeconds); }

Status ServeFlags::add_arguments(const Config& config, ServedSetup& setup) const {
  std::vector<std::string> given = models;
  if (given.empty() && config.models().empty() && !has_models(ovms)) {
    given.emplace_back(hub::kDefaultName);
  }
  ACCEL_ASSIGN(const std::vector<ServedName> served, served_names(given));
  for (const ServedName& one : served) {
    ModelFlags flags = model;
    flags.model = one.model;
    ACCEL_ASSIGN(LoadOptions load, flags.options(config, Use::kRun));
    setup.models.push_back(
        {.definition = {.name = one.name, .load = std::move(load)}, .argument = true});
    for (const std::string& alias : one.aliases) setup.aliases.push_back({alias, one.name});
  }
  return {};
}

// Those of the configuration's file that go by no name of the others.
Status ServeFlags::add_configured(const Config& config, ServedSetup& setup) const {
  for (const std::string& name : config.models()) {
    if (defines(setup, name)) continue;
    ACCEL_ASSIGN(ModelDefinition definition, config.definition(name));
    // The bound of all holds anyway, and may change without this model's.
    if (definition.memory_bytes_max == setup.manager.memory_bytes_max) {
      definition.memory_bytes_max = 0;
    }
    setup.models.push_back({.definition = std::move(definition)});
  }
  return {};
}

Status ServeFlags::add_aliases(ServedSetup& setup) const {
  // What nobody asked for gives way to a model that is called so.
  std::erase_if(setup.aliases, [&](const ModelAlias& alias) {
    return std::ranges::any_of(setup.models, [&](const ServedDefinition& one) {
      return !one.argument && one.definition.name == alias.name;
    });
  });
  for (const std::string& text : split_at_commas(aliases)) {
    ACCEL_ASSIGN(const GivenAlias alias, parse_alias(text));
    const std::string target = alias.target.substr(0, alias.target.find(':'));
    if (!defines(setup, target)) {
      return not_found(fmt::format("--alias {}: no model is called '{}'", text, target));
    }
    std::erase_if(setup.aliases, [&](const ModelAlias& one) { return one.name == alias.name; });
    setup.aliases.push_back({alias.name, alias.target});
  }
  return {};
}

Result<ServedSetup> ServeFlags::setup() const {
  ACCEL_ASSIGN(const Config config, model.config());
  ServedSetup setup{.fixed = fixed_options(config), .manager = config.manager_options()};
  std::vector<std::string> files;
  for (const std::string& file : {config.file(), model.profile_file}) {
    if (!file.empty()) files.push_back(file);
  }
  setup.files = look_at(files);
  ACCEL_TRY(add_arguments(config, setup));
  ACCEL_TRY(add_ovms_models(ovms, config, setup));
  for (ServedDefinition& one : setup.models) one.definition.load.local = model.local;
  ACCEL_TRY(add_configured(config, setup));
  ACCEL_TRY(add_aliases(setup));
  return setup;
}

Result<server::ServerOptions> ServeFlags::server_options() const {
  server::ServerOptions options{.timeout_seconds = static_cast<double>(timeout_seconds),
                                .here_ms = kHereMs,
                                .origins = split_at_commas(origins)};
  const Result<uint64_t> bytes = parse_size(body_max);
  if (!bytes.ok()) return bytes.status().with_context("--body-max");
  options.body_bytes_max = *bytes;
  if (compress == "never") options.compression = server::Compression::kNever;
  if (compress == "always") options.compression = server::Compression::kAlways;
  return options;
}

Result<server::InputOptions> ServeFlags::input_options() const {
  ACCEL_ASSIGN(const Config config, model.config());
  server::InputOptions options{.ca_file = hub::ca_file()};
  for (const EffectiveOption& one : config.effective()) {
    if (one.value.empty()) continue;
    if (one.key == "input_hosts") {
      Result<server::HostRules> hosts = server::HostRules::parse(one.value);
      if (!hosts.ok()) return hosts.status().with_context(one.source + ": input_hosts");
      options.hosts = std::move(*hosts);
    } else if (one.key == "input_files") {
      Result<std::unique_ptr<server::FileRoot>> files = server::FileRoot::open(one.value);
      if (!files.ok()) return files.status().with_context(one.source + ": input_files");
      options.files = std::move(*files);
    }
  }
  return options;
}

server::AdmissionLimits ServeFlags::limits() const {
  return {.requests_max = static_cast<uint64_t>(requests_max),
          .queue_seconds_max = static_cast<double>(queue_seconds)};
}

engine::PullingOptions ServeFlags::pulling() const {
  return {.allowed = split_at_commas(allow_pull),
          .hub = [] { return hub_options(""); },
          .load =
              [given = model](const std::string& folder) {
                ModelFlags flags = given;
                flags.model = folder;
                return flags.options(Use::kRun);
              }};
}

Result<double> ServeFlags::sampled() const {
  double ratio = 0;
  const char* const end = trace_ratio.data() + trace_ratio.size();
  const auto [rest, error] = std::from_chars(trace_ratio.data(), end, ratio);
  if (error == std::errc() && rest == end && ratio >= 0 && ratio <= 1) return ratio;
  return invalid_argument(
      fmt::format("--trace-ratio: expected a number from 0 to 1, found '{}'", trace_ratio));
}

}  // namespace accel::cli
