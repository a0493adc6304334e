#pragma once
#include <cstdint>
#include <string>

namespace lathe::core {

// Progress of one long job on stderr: a bar on a terminal, a line every five seconds elsewhere, nothing under
// set_quiet(true). Safe to update often; it draws at most ten times a second.
class Progress {
 public:
  Progress(std::string what, int64_t total, std::string unit = "steps");
  ~Progress();  // ends the line
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void update(int64_t done, const std::string& status = "");
  void finish(const std::string& status = "");  // "train: 4,290 steps in 3 min 2 s, <status>"
  static void set_quiet(bool quiet);
  static bool quiet();

 private:
  void draw(bool last);
  std::string what_, unit_, status_;
  int64_t total_, done_ = 0;
  double started_, drawn_ = -1e9;
  bool terminal_, ended_ = false;
};

// 4.2 s, 3 min 2 s, 1 h 4 min.
std::string human_seconds(double seconds);
// 512 B, 1.4 MB.
std::string human_bytes(uint64_t bytes);
// 55,000
std::string human_count(int64_t count);

// No bars while it lives, then as before.
class QuietProgress {
 public:
  QuietProgress() { Progress::set_quiet(true); }
  ~QuietProgress() { Progress::set_quiet(before_); }
  QuietProgress(const QuietProgress&) = delete;
  QuietProgress& operator=(const QuietProgress&) = delete;

 private:
  bool before_ = Progress::quiet();
};

}  // namespace lathe::core
