"""Words for generated incidents."""

SYLLABLES = tuple("ba ka di mo ra ti la su ne go ma sha be ru ko wa za fi do ye in an al ga ni te".split())
PARTS = ("North", "South", "East", "West", "Market", "Bridge", "Old Town", "Camp", "Junction", "Hills")
ARMED_GROUPS = (
    "Armed group",
    "Liberation Front",
    "People's Army",
    "Islamic Movement",
    "National Resistance",
    "United Brigades",
    "Self-defence Militia",
    "Coalition of Patriots",
)
SENTENCES = (
    "Fighters on motorcycles reached the place before dawn and withdrew about two hours later.",
    "A patrol was shot at from both sides of the road; reinforcements came in the afternoon.",
    "Residents said that houses and stores were set on fire.",
    "An explosive device went off under the second vehicle of a convoy.",
    "Several rounds of artillery fell on the outskirts while the market was open.",
    "The post was taken and won back on the same day.",
    "Officials spoke of a provisional toll and announced an inquiry.",
    "The wounded were brought to the hospital of the regional capital.",
    "Nobody had claimed the attack when the first figures were given.",
    "A drone struck a building that both sides had used.",
)
