#include "lathe/core/http.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/core/process.h"
#include "tests/support/message.h"

namespace lathe::core {
namespace {

using std::chrono::milliseconds;

// Answers a POST with its body, its type and one of its headers, and a GET by its path.
constexpr const char* kServer = R"(
import http.server, sys, time
class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            pass  # the client has had enough
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(200, body + b"|" + self.headers["Content-Type"].encode() + b"|" + self.headers.get("X-Token", "").encode())
    def do_GET(self):
        if self.path == "/slow": time.sleep(5)
        if self.path == "/large": return self.answer(200, b"x" * 100000)
        self.answer(404, b"nothing here")
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
open(sys.argv[1] + ".part", "w").write(str(server.server_port))
import os; os.rename(sys.argv[1] + ".part", sys.argv[1])
server.serve_forever()
)";

using testing_support::message_of;

class Http : public testing::Test {
 protected:
  void SetUp() override {
    const auto port_file = directory_.path() / "port";
    server_ = std::make_unique<Process>(
        ProcessOptions{.arguments = {"python3", "-c", kServer, port_file.string()}});
    for (int i = 0; i < 200 && !std::filesystem::exists(port_file); ++i)
      std::this_thread::sleep_for(milliseconds(50));
    url_ = "http://127.0.0.1:" + read_file(port_file);
  }
  TemporaryDirectory directory_;
  std::unique_ptr<Process> server_;
  std::string url_;
};

TEST_F(Http, PostsBytesAndReadsTheAnswer) {
  const std::string body("[\"a\0b\", \"é\"]", 13);
  const HttpResponse response = http_post(url_, body, {.headers = {"X-Token: t0k"}});
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, body + "|application/json|t0k");
}

TEST_F(Http, GivesTheStatusOfARefusal) {
  const HttpResponse response = http_get(url_ + "/nowhere");
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(response.body, "nothing here");
}

TEST_F(Http, StopsWaitingAndStopsReading) {
  EXPECT_EQ(message_of<Error>([&] { http_get(url_ + "/slow", {.timeout_seconds = 0.3}); }),
            url_ + "/slow: no answer within 0.3 s");
  EXPECT_EQ(message_of<Error>([&] { http_get(url_ + "/large", {.max_response_bytes = 99999}); }),
            url_ + "/large: the answer is larger than 99999 bytes");
  EXPECT_EQ(http_get(url_ + "/large", {.max_response_bytes = 100000}).body.size(), 100000u);
}

TEST(HttpErrors, NameTheUrlWithoutItsSecrets) {
  const std::string text = message_of<Error>(
      [] { http_get("http://user:secret@127.0.0.1:1/predict?key=hidden", {.headers = {"X-Token: t0k"}}); });
  EXPECT_NE(text.find("http://127.0.0.1:1/predict: "), std::string::npos) << text;
  for (const char* secret : {"user", "secret", "hidden", "t0k"})
    EXPECT_EQ(text.find(secret), std::string::npos) << text;
  EXPECT_EQ(message_of<InputError>([] { http_get("file:///etc/passwd"); }),
            "a URL begins with http:// or https://, got file:///etc/passwd");
  EXPECT_EQ(message_of<InputError>([] { http_get(""); }), "a URL is written http://HOST[:PORT]/PATH");
}

}  // namespace
}  // namespace lathe::core
