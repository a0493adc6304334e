#include "lathe/evaluate/checklist/contractions.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace lathe::evaluate::checklist {
namespace {

// Each long form and its short one.
const std::vector<std::pair<std::string, std::string>> kPairs = {
    {"It is not here.", "It's not here."},
    {"The dog is not here.", "The dog isn't here."},
    {"They are not here.", "They're not here."},
    {"Dogs are not here.", "Dogs aren't here."},
    {"It was not me.", "It wasn't me."},
    {"They were not alone.", "They weren't alone."},
    {"I do not know.", "I don't know."},
    {"He does not know.", "He doesn't know."},
    {"We did not know.", "We didn't know."},
    {"He has not slept.", "He hasn't slept."},
    {"We have not slept.", "We've not slept."},
    {"We had not slept.", "We hadn't slept."},
    {"I cannot go.", "I can't go."},
    {"I could not go.", "I couldn't go."},
    {"Dogs will not go.", "Dogs won't go."},
    {"Dogs would not go.", "Dogs wouldn't go."},
    {"You should not go.", "You shouldn't go."},
    {"You must not go.", "You mustn't go."},
    {"You need not go.", "You needn't go."},
    {"We shall not go.", "We shan't go."},
    {"It might not work.", "It mightn't work."},
    {"I am here.", "I'm here."},
    {"You are here.", "You're here."},
    {"We are here.", "We're here."},
    {"They are here.", "They're here."},
    {"Who are they?", "Who're they?"},
    {"What are they?", "What're they?"},
    {"He is here.", "He's here."},
    {"She is here.", "She's here."},
    {"It is here.", "It's here."},
    {"That is it.", "That's it."},
    {"There is one.", "There's one."},
    {"Here is one.", "Here's one."},
    {"Who is there?", "Who's there?"},
    {"What is there?", "What's there?"},
    {"Where is he?", "Where's he?"},
    {"When is it?", "When's it?"},
    {"Why is it?", "Why's it?"},
    {"How is it?", "How's it?"},
    {"I will go.", "I'll go."},
    {"You will go.", "You'll go."},
    {"He will go.", "He'll go."},
    {"She will go.", "She'll go."},
    {"It will go.", "It'll go."},
    {"We will go.", "We'll go."},
    {"They will go.", "They'll go."},
    {"That will go.", "That'll go."},
    {"There will be one.", "There'll be one."},
    {"Who will go?", "Who'll go?"},
    {"What will go?", "What'll go?"},
    {"I have seen it.", "I've seen it."},
    {"You have seen it.", "You've seen it."},
    {"We have been there.", "We've been there."},
    {"They have already gone.", "They've already gone."},
    {"Who have gone?", "Who've gone?"},
    {"It could have been.", "It could've been."},
    {"It would have been.", "It'd have been."},
    {"You should have seen it.", "You should've seen it."},
    {"It must have been.", "It must've been."},
    {"Dogs might have been.", "Dogs might've been."},
    {"I would like it.", "I'd like it."},
    {"You would like it.", "You'd like it."},
    {"He would like it.", "He'd like it."},
    {"She would go.", "She'd go."},
    {"It would be.", "It'd be."},
    {"We would go.", "We'd go."},
    {"They would rather go.", "They'd rather go."},
    {"Who would do it?", "Who'd do it?"},
    {"Let us go.", "Let's go."},
    {"I know what is in it.", "I know what's in it."}};

TEST(Contractions, AreTakenBack) {
  ASSERT_EQ(kPairs.size(), 70u);
  for (const auto& [text, expected] : kPairs) {
    EXPECT_EQ(contracted(text).value_or(text), expected);
    EXPECT_EQ(expanded(contracted(text).value_or(text)).value_or(text), text);
  }
}

TEST(Contractions, StayAtTheEndAndBeforeNoParticiple) {
  EXPECT_EQ(contracted("I know who he is."), std::nullopt);
  EXPECT_EQ(contracted("I have to go"), std::nullopt);
  EXPECT_EQ(contracted("I have a dog"), std::nullopt);
  EXPECT_EQ(contracted("nothing to do"), std::nullopt);
  EXPECT_EQ(contracted("what  is it"), std::nullopt);  // two spaces
}

TEST(Contractions, AmbiguousOnesAreDropped) {
  for (const char* text :
       {"He's gone.", "He's finished his work.", "I ain't sure.", "He'd put it there.", "You'd better go.",
        "Isn't he nice?", "It's here, and she's left.", "What's", "John's dog", "no contraction"})
    EXPECT_EQ(expanded(text), std::nullopt) << text;
  EXPECT_EQ(expanded("He'd seen it."), "He had seen it.");
  EXPECT_EQ(expanded("He\u2019s a friend, and they won\u2019t go."), "He is a friend, and they will not go.");
  EXPECT_EQ(expanded("WE'RE"), "We are");
}

}  // namespace
}  // namespace lathe::evaluate::checklist
