#include "backends/process/channel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <thread>

namespace accel::backend {
namespace {

struct Pair {
  Channel here;
  Channel there;
};

Pair connected() {
  auto ends = Channel::create();
  return {std::move(ends->first), Channel(std::move(ends->second))};
}

Until in_a_moment() { return Clock::now() + std::chrono::milliseconds(20); }

TEST(Channels, MessagesKeepTheirBounds) {
  Pair pair = connected();
  ASSERT_TRUE(pair.here.send("one"));
  ASSERT_TRUE(pair.here.send(""));
  ASSERT_TRUE(pair.here.send("two"));
  for (const char* expected : {"one", "", "two"}) {
    const Received received = pair.there.receive(std::nullopt);
    EXPECT_EQ(received.arrival, Arrival::kMessage);
    EXPECT_EQ(received.bytes, expected);
    EXPECT_FALSE(received.file.valid());
  }
  EXPECT_EQ(pair.there.receive(in_a_moment()).arrival, Arrival::kLate);
}

TEST(Channels, LongMessagesGoInPieces) {
  Pair pair = connected();
  std::string text(3'000'000, ' ');
  for (size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * 7);
  std::thread sender([&] { EXPECT_TRUE(pair.here.send(text)); });
  const Received received = pair.there.receive(std::nullopt);
  sender.join();
  EXPECT_TRUE(received.bytes == text);
}

TEST(Channels, AFileComesWithItsMessage) {
  Pair pair = connected();
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe(pipe.data()), 0);
  const Descriptor out(pipe[0]);
  {
    const Descriptor in(pipe[1]);
    ASSERT_TRUE(pair.here.send(std::string(100'000, 'x'), in.get()));
  }
  {
    const Received received = pair.there.receive(std::nullopt);
    ASSERT_TRUE(received.file.valid());
    EXPECT_EQ(::write(received.file.get(), "y", 1), 1);
  }
  std::array<char, 2> read{};
  EXPECT_EQ(::read(out.get(), read.data(), read.size()), 1);
  EXPECT_EQ(::read(out.get(), read.data(), read.size()), 0);  // nobody has its other end now
}

TEST(Channels, TheEndOfTheOtherSideIsSeen) {
  Pair pair = connected();
  ASSERT_TRUE(pair.there.send("last"));
  pair.there = Channel();
  EXPECT_FALSE(pair.here.send("nobody reads this"));
  EXPECT_EQ(pair.here.receive(in_a_moment()).bytes, "last");
  EXPECT_EQ(pair.here.receive(std::nullopt).arrival, Arrival::kClosed);
  EXPECT_EQ(Channel().receive(std::nullopt).arrival, Arrival::kClosed);
}

// A packet of another make, too long for a piece.
TEST(Channels, WhatIsNoMessageEndsIt) {
  auto ends = Channel::create();
  const std::string long_piece(40'000, '\0');
  ASSERT_EQ(::send(ends->second.get(), long_piece.data(), long_piece.size(), 0), 40'000);
  EXPECT_EQ(ends->first.receive(in_a_moment()).arrival, Arrival::kClosed);
}

}  // namespace
}  // namespace accel::backend
