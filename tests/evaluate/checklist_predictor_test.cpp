// Models that are commands and services.
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/core/process.h"
#include "lathe/evaluate/checklist/predictors.h"
#include "tests/support/message.h"

namespace lathe::evaluate::checklist {
namespace {

using Json = nlohmann::json;
using testing_support::message_of;

TEST(ChecklistModel, ACommandAnswersLineByLine) {
  const std::vector<std::string> classes = {"negative", "positive"};
  const auto predict = [&](const std::string& command, double timeout = 20) {
    return command_predictor({command, ExportFormat::kLines, PredictionFormat::kPredOnly, timeout}, {"text"},
                             classes)({{"good\nbye"}, {"bad"}});
  };
  EXPECT_EQ(predict("sed 's/.*good bye.*/positive/; s/bad/0/'"),
            (std::vector<Prediction>{{.label = 1}, {.label = 0}}));
  EXPECT_NE(message_of<Error>([&] {
              predict("echo one >&2; echo two >&2; exit 3");
            }).find("ended with exit code 3: two"),
            std::string::npos);
  EXPECT_NE(
      message_of<Error>([&] { predict("sleep 30", 0.2); }).find("took longer than 0.2 s for 2 examples"),
      std::string::npos);
  EXPECT_NE(message_of<InputError>([&] {
              predict("echo positive");
            }).find("output of 'echo positive':1: the file ends after 1"),
            std::string::npos);
  const Predictor pair =
      command_predictor({"cat", ExportFormat::kJsonl, PredictionFormat::kPredOnly}, {"a", "b"}, {});
  EXPECT_EQ(Json::parse(pair({{"x", "y"}})[0].text), (Json{{"id", 0}, {"a", "x"}, {"b", "y"}}));
}

// Positive where "good" stands in the text; what it answers otherwise depends on the path.
constexpr const char* kServer = R"py(
import http.server, json, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        inputs = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["inputs"]
        answers = [{"label": "positive" if "good" in one["text"] else "negative", "confidence": [0.25, 0.75]} for one in inputs]
        if self.path == "/short": answers.pop()
        if self.path == "/nan": answers[-1]["confidence"] = [0.5, 0.1]
        if self.path == "/token": answers = [{"label": self.headers["X-Token"]} for one in inputs]
        body = b"oops" if self.path == "/text" else json.dumps({"predictions": answers}).encode()
        self.send_response(503 if self.path == "/busy" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
open(sys.argv[1] + ".part", "w").write(str(server.server_port))
os.rename(sys.argv[1] + ".part", sys.argv[1])
server.serve_forever()
)py";

TEST(ChecklistModel, AnEndpointAnswersInJson) {
  const core::TemporaryDirectory directory;
  const auto port = directory.path() / "port";
  const core::Process server({.arguments = {"python3", "-c", kServer, port.string()}});
  for (int i = 0; i < 200 && !std::filesystem::exists(port); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  const std::string url = "http://127.0.0.1:" + core::read_file(port);
  const std::vector<std::string> classes = {"negative", "positive"};
  const auto predict = [&](const std::string& path) {
    return http_predictor({url + path, 20, {"X-Token: positive"}}, {"text"}, classes)({{"bad"}, {"good"}});
  };
  const std::vector<Prediction> predictions = predict("/");
  ASSERT_EQ(predictions.size(), 2u);
  EXPECT_EQ(predictions[1], (Prediction{1, "", {0.25f, 0.75f}}));
  EXPECT_EQ(predictions[0].label, 0);
  EXPECT_EQ(predict("/token")[0].label, 1);
  EXPECT_NE(message_of<InputError>([&] { predict("/short"); }).find("the file ends after 1 predictions"),
            std::string::npos);
  EXPECT_NE(
      message_of<InputError>([&] { predict("/nan"); }).find("prediction:2: the probabilities sum to 0.6"),
      std::string::npos);
  EXPECT_NE(message_of<InputError>([&] { predict("/text"); }).find("the endpoint's answer is damaged"),
            std::string::npos);
  EXPECT_NE(message_of<Error>([&] { predict("/busy"); }).find("answered 503"), std::string::npos);
}

}  // namespace
}  // namespace lathe::evaluate::checklist
