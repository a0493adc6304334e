#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace lathe::core {

class Statement;

// One connection to an SQLite file in WAL mode, created if missing; waits up to 30 s for other writers.
// Everything throws Error with SQLite's reason and the file's path. For one thread at a time.
class Database {
 public:
  explicit Database(const std::filesystem::path& file);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  void execute(const std::string& sql);  // one or more statements without results
  int64_t query_integer(std::string_view sql);
  int64_t last_row() const;
  int64_t num_changes() const;
  const std::string& name() const { return name_; }

 private:
  friend class Statement;
  void enter_wal_mode();
  [[noreturn]] void fail() const;
  std::string why_not_open() const;
  std::string why_not_written() const;
  std::string name_;
  sqlite3* handle_ = nullptr;
};

// A prepared statement: bind all parameters in order, then step through the rows.
class Statement {
 public:
  Statement(Database& database, std::string_view sql);
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  // Also rewinds a statement that ran before. Texts must live until the last step.
  template <typename... Values>
  Statement& bind(const Values&... values) {
    reset();
    int index = 0;
    (bind_one(++index, values), ...);
    return *this;
  }
  bool step();  // true: a row is there
  int64_t integer(int column) const;
  double number(int column) const;  // NULL is NaN
  std::string text(int column) const;

 private:
  void reset();
  void bind_one(int index, int64_t value);
  void bind_one(int index, double value);
  void bind_one(int index, std::string_view value);
  Database& database_;
  sqlite3_stmt* handle_ = nullptr;
};

// BEGIN IMMEDIATE … COMMIT; rolls back unless committed.
class Transaction {
 public:
  explicit Transaction(Database& database);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void commit();

 private:
  Database& database_;
  bool committed_ = false;
};

}  // namespace lathe::core
