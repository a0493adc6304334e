#include "lathe/core/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>

namespace lathe::core {
namespace {

std::atomic<bool> is_quiet{false};

constexpr double kTerminalInterval = 0.1, kLogInterval = 5;
constexpr int kBarWidth = 24;

double now_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

int terminal_width() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

// At most `width` code points.
std::string clip(const std::string& text, int width) {
  int points = 0;
  for (size_t i = 0; i < text.size(); ++i)
    if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80 && ++points > width) return text.substr(0, i);
  return text;
}

std::string bar(double fraction) {
  const int filled = static_cast<int>(fraction * kBarWidth);
  std::string cells;
  for (int i = 0; i < kBarWidth; ++i) cells += i < filled ? "█" : "░";
  return cells;
}

std::string human_rate(double rate) {
  return rate >= 100 ? human_count(std::llround(rate)) : fmt::format("{:.3g}", rate);
}

void print(const std::string& line) {
  std::fwrite(line.data(), 1, line.size(), stderr);
  std::fflush(stderr);
}

}  // namespace

Progress::Progress(std::string what, int64_t total, std::string unit)
    : what_(std::move(what)),
      unit_(std::move(unit)),
      total_(total),
      started_(now_seconds()),
      terminal_(isatty(STDERR_FILENO) == 1) {
  if (!terminal_) drawn_ = started_;  // a job of less than five seconds prints its last line only
}

Progress::~Progress() {
  if (ended_ || quiet() || !terminal_ || drawn_ < started_) return;
  draw(true);
}

void Progress::update(int64_t done, const std::string& status) {
  done_ = done;
  status_ = status;
  if (ended_ || quiet() || now_seconds() - drawn_ < (terminal_ ? kTerminalInterval : kLogInterval)) return;
  draw(false);
}

void Progress::finish(const std::string& status) {
  if (ended_) return;
  ended_ = true;
  if (quiet()) return;
  print(fmt::format("{}{}: {} {} in {}{}{}\n", terminal_ ? "\r\x1b[K" : "", what_, human_count(done_), unit_,
                    human_seconds(now_seconds() - started_), status.empty() ? "" : ", ", status));
}

void Progress::draw(bool last) {
  drawn_ = now_seconds();
  const double elapsed = drawn_ - started_;
  const double fraction =
      total_ > 0 ? std::clamp(static_cast<double>(done_) / static_cast<double>(total_), 0.0, 1.0) : 0;
  std::string line = what_ + ": ";
  if (total_ > 0) {
    if (terminal_) line += bar(fraction) + ' ';
    line += fmt::format("{:3.0f} % {}/{} {}", std::floor(100 * fraction), human_count(done_),
                        human_count(total_), unit_);
  } else {
    line += fmt::format("{} {}", human_count(done_), unit_);
  }
  if (done_ > 0 && elapsed > 0) {
    const double rate = static_cast<double>(done_) / elapsed;
    line += fmt::format(", {}/s", human_rate(rate));
    if (done_ < total_)
      line += fmt::format(", {} left", human_seconds(static_cast<double>(total_ - done_) / rate));
  }
  if (!status_.empty()) line += ", " + status_;
  if (terminal_)
    print("\r\x1b[K" + clip(line, terminal_width() - 1) + (last ? "\n" : ""));
  else
    print(line + '\n');
}

void Progress::set_quiet(bool quiet) {
  is_quiet = quiet;
}
bool Progress::quiet() {
  return is_quiet;
}

std::string human_seconds(double seconds) {
  if (!std::isfinite(seconds)) return "unknown";
  if (seconds < 0.0995) return fmt::format("{:.3g} ms", seconds * 1000);
  if (seconds < 59.95) return fmt::format("{:.1f} s", seconds);
  const int64_t whole = std::llround(seconds);
  if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  const int64_t minutes = std::llround(seconds / 60);
  if (minutes < 48 * 60) return fmt::format("{} h {} min", minutes / 60, minutes % 60);
  const int64_t hours = std::llround(seconds / 3600);
  return fmt::format("{} d {} h", hours / 24, hours % 24);
}

std::string human_bytes(uint64_t bytes) {
  if (bytes < 1000) return fmt::format("{} B", bytes);
  double value = static_cast<double>(bytes);
  const char* const units[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
  size_t unit = 0;
  for (value /= 1000; value >= 999.95; value /= 1000) ++unit;
  return fmt::format("{:.1f} {}", value, units[unit]);
}

std::string human_count(int64_t count) {
  std::string digits = std::to_string(count);
  const size_t first = count < 0 ? 1 : 0;
  for (size_t i = digits.size(); i > first + 3;) digits.insert(i -= 3, ",");
  return digits;
}

}  // namespace lathe::core
