#include "backends/process/channel.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "base/files.h"

namespace accel::backend {
namespace {

// A message goes in pieces, each a packet: a byte that says whether more follow, then its bytes.
constexpr size_t kPieceBytes = size_t{32} << 10;
constexpr size_t kMessageBytesMax = size_t{64} << 20;

bool send_piece(int socket, bool last, std::string_view piece, int file) {
  char more = last ? 0 : 1;
  std::array<iovec, 2> parts{{{&more, 1}, {const_cast<char*>(piece.data()), piece.size()}}};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  if (file >= 0) {
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(header), &file, sizeof file);
  }
  while (true) {
    const ssize_t sent = ::sendmsg(socket, &message, MSG_NOSIGNAL);
    if (sent >= 0 || errno != EINTR) return sent == static_cast<ssize_t>(piece.size() + 1);
  }
}

// Whether something can be read, or has ended, before `until`.
bool wait_readable(int socket, Until until) {
  while (true) {
    int timeout = -1;
    if (until) {
      using std::chrono::milliseconds;
      const auto left = std::chrono::ceil<milliseconds>(*until - Clock::now()).count();
      timeout = static_cast<int>(std::clamp<int64_t>(left, 0, 1 << 30));
    }
    pollfd one{.fd = socket, .events = POLLIN, .revents = 0};
    const int ready = ::poll(&one, 1, timeout);
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return true;  // reading says what is wrong
    // A process that was stopped meanwhile comes back late: what has arrived counts all the same.
    if (ready == 0 && timeout == 0) return false;
  }
}

// The files of a packet; more than one, or one too many, is closed.
Descriptor take_file(msghdr& message) {
  Descriptor taken;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int file = -1;
      std::memcpy(&file, CMSG_DATA(header) + i * sizeof file, sizeof file);
      taken = Descriptor(file);
    }
  }
  return taken;
}

// Bytes of a packet with its leading one; 0: ended.
size_t receive_piece(int socket, std::array<char, kPieceBytes + 1>& buffer, Descriptor& file) {
  iovec part{buffer.data(), buffer.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control;
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  ssize_t size = 0;
  do {
    size = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  } while (size < 0 && errno == EINTR);
  if (size <= 0) return 0;
  Descriptor found = take_file(message);
  if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) return 0;
  if (found.valid()) file = std::move(found);
  return static_cast<size_t>(size);
}

}  // namespace

Result<std::pair<Channel, Descriptor>> Channel::create() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return errno_status(errno, "making", "a channel to a worker process");
  }
  return std::pair(Channel(Descriptor(ends[0])), Descriptor(ends[1]));
}

bool Channel::send(std::string_view bytes, int file) {
  if (!socket_.valid() || bytes.size() > kMessageBytesMax) return false;
  do {
    const std::string_view piece = bytes.substr(0, kPieceBytes);
    bytes.remove_prefix(piece.size());
    if (!send_piece(socket_.get(), bytes.empty(), piece, file)) return false;
    file = -1;  // goes with the first
  } while (!bytes.empty());
  return true;
}

Received Channel::receive(Until until) {
  Received received;
  if (!socket_.valid()) return received;
  std::array<char, kPieceBytes + 1> buffer;
  while (true) {
    if (until && !wait_readable(socket_.get(), until)) {
      received.arrival = Arrival::kLate;
      return received;
    }
    const size_t size = receive_piece(socket_.get(), buffer, received.file);
    if (size == 0 || received.bytes.size() + size > kMessageBytesMax) return received;
    received.bytes.append(buffer.data() + 1, size - 1);
    if (buffer.front() != 0) continue;
    received.arrival = Arrival::kMessage;
    return received;
  }
}

}  // namespace accel::backend
