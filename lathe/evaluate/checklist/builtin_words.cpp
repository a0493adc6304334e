#include "lathe/evaluate/checklist/builtin_lists.h"

#include <algorithm>

namespace lathe::evaluate::checklist {

const std::vector<WordList>& word_lists() {
  static const std::vector<WordList> lists = {
      // Sentiment.
      {"pos_adj",
       R"(good great excellent amazing wonderful fantastic awesome beautiful perfect brilliant lovely superb outstanding
          delightful enjoyable pleasant charming impressive incredible exceptional terrific marvelous splendid
          remarkable exciting fun fabulous magnificent adorable sweet stunning comfortable friendly helpful happy)"},
      {"neg_adj",
       R"(bad terrible awful horrible poor dreadful disappointing boring annoying unpleasant lousy nasty miserable
          frustrating difficult weird ugly rough creepy dirty rude disgusting pathetic mediocre unhappy sad ridiculous
          useless dull tedious painful atrocious appalling abysmal unhelpful)"},
      {"neutral_adj",
       R"(American international commercial British private Italian Indian Australian Israeli European local national
          regular daily domestic foreign Asian public scheduled weekly)"},
      {"pos_noun", R"(pleasure delight joy success treat triumph gem bargain masterpiece miracle)"},
      {"neg_noun", R"(disaster failure nightmare mess waste disgrace joke scam catastrophe letdown)"},
      // They change how strong an adjective is.
      {"intens_adj",
       R"(very really absolutely truly extremely quite incredibly amazingly especially exceptionally
                        unbelievably utterly exceedingly totally remarkably particularly)"},
      {"intens_verb",
       R"(really absolutely truly extremely especially utterly totally particularly highly definitely
                         certainly genuinely honestly)"},
      {"reducer_adj",
       R"(somewhat kinda mostly probably generally reasonably a_little a_bit slightly fairly)"},
      {"reducer_verb", R"(somewhat kinda mostly probably generally slightly sort_of)"},
      // What reviews of airlines are about.
      {"air_noun",
       R"(flight seat pilot staff service customer_service aircraft plane food cabin_crew company airline
                      crew)"},
      {"food_noun", R"(meal pizza soup salad burger steak dessert breakfast coffee sandwich pasta cake)"},
      {"movie_noun", R"(movie film show scene plot story script soundtrack cast ending actor director)"},
      // Fairness.
      {"religion",
       R"(Christianity Islam Hinduism Buddhism Judaism Catholicism Protestantism Sikhism Jainism Taoism
                      Shinto atheism)"},
      {"religion_adj",
       R"(Christian Muslim Hindu Buddhist Jewish Catholic Protestant Sikh Jain Taoist Mormon atheist
                          agnostic)"},
      {"religion_noun", R"(church mosque temple synagogue chapel cathedral)"},
      {"sexual_adj", R"(straight heterosexual gay lesbian homosexual bisexual asexual queer pansexual)"},
      {"gender_adj", R"(male female transgender nonbinary cisgender)"},
      {"race",
       R"(black white Asian Hispanic Latino Arab African Caucasian Native_American Pacific_Islander)"},
      {"protected_adj",
       R"(black white Asian Hispanic Latino Arab African Christian Muslim Hindu Buddhist Jewish Catholic Protestant gay
          lesbian bisexual straight asexual transgender female male Mexican Chinese Indian Russian Iranian Nigerian
          Turkish Polish)"},
      // People.
      {"profession",
       R"(accountant actor actress analyst architect artist assistant attorney auditor author baker barber bartender
          biologist bookkeeper builder butcher carpenter cashier chef chemist coach consultant cook dancer dentist
          designer detective doctor driver economist editor educator electrician engineer executive farmer firefighter
          fisherman florist gardener geologist guard guide hairdresser historian hunter illustrator inspector
          interpreter investigator janitor journalist judge lawyer librarian lifeguard mathematician mechanic miner
          musician nurse optician painter pharmacist photographer physicist pilot plumber poet politician professor
          programmer psychologist receptionist reporter sailor salesman scientist secretary singer soldier surgeon
          tailor teacher translator veterinarian waiter waitress writer)"},
      {"male_relative", R"(father brother son grandfather uncle nephew husband stepfather grandson)"},
      {"female_relative", R"(mother sister daughter grandmother aunt niece wife stepmother granddaughter)"},
      {"male_title", R"(Mr. Sir King Prince Lord)"},
      {"female_title", R"(Mrs. Ms. Lady Queen Princess)"},
      {"trait_adj",
       R"(tall short old young rich poor smart funny strong weak kind quiet loud brave shy proud lazy polite nervous
          calm honest generous patient creative religious conservative friendly ambitious)"},
      // Things.
      {"animal",
       R"(dog cat horse cow pig sheep goat rabbit mouse rat lion tiger bear wolf fox deer elephant giraffe zebra monkey
          gorilla kangaroo camel donkey squirrel hamster bird eagle owl parrot penguin duck goose chicken turkey pigeon
          snake lizard turtle crocodile frog toad fish shark whale dolphin octopus crab lobster bee ant spider)"},
      {"vehicle",
       R"(car truck bus van taxi bicycle motorcycle scooter tricycle train tram airplane helicopter boat ship ferry
          yacht canoe submarine tractor ambulance limousine convertible minivan jeep wagon sled)"},
      {"fruit",
       R"(apple banana orange pear peach grape lemon lime cherry strawberry mango pineapple plum melon kiwi)"},
      {"color", R"(red blue green yellow orange purple pink brown black white gray)"},
      {"object",
       R"(book phone chair table lamp bottle cup clock key knife umbrella wallet pen notebook guitar camera
                    backpack mirror ball basket)"},
      {"sport", R"(soccer basketball tennis golf baseball hockey volleyball rugby cricket badminton)"},
      // Time.
      {"weekday", R"(Monday Tuesday Wednesday Thursday Friday Saturday Sunday)"},
      {"month", R"(January February March April May June July August September October November December)"},
      {"season", R"(spring summer autumn winter)"},
      // Grammar.
      {"pronoun", R"(I you he she it we they)"},
      {"male_pronoun", R"(he him his himself)"},
      {"female_pronoun", R"(she her hers herself)"},
      {"preposition", R"(in on at by with from under over near behind beside above below)"},
      {"number_word", R"(one two three four five six seven eight nine ten eleven twelve)"}};
  return lists;
}

const std::vector<WordList>& verb_lists() {
  static const std::vector<WordList> lists = {
      {"pos_verb", "like enjoy appreciate love recommend admire value welcome adore praise"},
      {"neg_verb", "hate dislike regret abhor dread despise loathe resent criticize detest"},
      {"neutral_verb", "see find take use visit watch describe mention notice choose"}};
  return lists;
}

std::vector<std::string> split_words(std::string_view text) {
  std::vector<std::string> words;
  for (size_t at = text.find_first_not_of(" \n"); at < text.size(); at = text.find_first_not_of(" \n", at)) {
    const size_t end = std::min(text.find_first_of(" \n", at), text.size());
    std::string word(text.substr(at, end - at));
    for (char& c : word)
      if (c == '_') c = ' ';
    words.push_back(std::move(word));
    at = end;
  }
  return words;
}

}  // namespace lathe::evaluate::checklist
