#pragma once
#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace lathe {

// A failure that is nobody's mistake: a full disk, a killed child, a diverged run. The program exits 1.
// The text says what was wrong, where (file:line or key path), and what would be right, on one line.
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& message) : std::runtime_error(message) {}
  template <typename First, typename... Rest>
  Error(fmt::format_string<First, Rest...> format, First&& first, Rest&&... rest)
      : std::runtime_error(fmt::format(format, std::forward<First>(first), std::forward<Rest>(rest)...)) {}
};

// The user asked for something that cannot be: a bad key, a broken file, a missing package. Exits 2.
class InputError : public Error {
 public:
  using Error::Error;
};

// A measured number is beyond a limit that the user set for it: a gate. Exits 3.
class GateError : public Error {
 public:
  using Error::Error;
};

// SIGINT or SIGTERM arrived and the work stopped where it can be resumed. Exits 130.
class Interrupted : public Error {
 public:
  using Error::Error;
};

// The exit code for an exception that reached main (2, 3, 130, or 1).
int exit_code(const std::exception& error);

}  // namespace lathe
