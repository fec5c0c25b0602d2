"""The words the server writes with."""

IMPROVEMENTS = (
    ("Ask for a worked example", "Work through one example with concrete numbers."),
    ("Name the audience", "Write for the named audience and for nobody else."),
    ("Ask for the reason behind each step", "Say why each step is allowed."),
    ("Ask for a common mistake", "Name one common mistake and how to notice it."),
    ("Limit the length", "Stay below one hundred and twenty words."),
    ("Ask for a check at the end", "Close with a way to check the result."),
    ("Ask for plain words", "Prefer a plain word to a technical one."),
    ("Ask for an everyday comparison", "Compare the idea with something from the kitchen or the street."),
    ("Ask for a definition first", "Begin with a definition in one sentence."),
    ("Ask for units", "Give every quantity its unit."),
    ("Forbid filler", "Leave out greetings, praise and filler."),
    ("Ask for a varied opening", "Begin with another word than most texts of this kind."),
    ("Tie the text to the details", "Use each of the given details at least once."),
    ("Ask for one idea per sentence", "Put one idea into one sentence."),
    ("Ask for a counterexample", "Show one case where the rule does not hold."),
    ("Ask for a question to the reader", "End with a question the reader can answer."),
    ("Ask for exact numbers", "Write numbers exactly and not rounded."),
    ("Ask for a picture in words", "Describe a drawing that shows the idea."),
    ("Ask for the steps in order", "Number the steps in the order they are done."),
    ("Ask for a second way", "Show a second way to the same result."),
)

DAMAGES = (
    ("Drop the audience", "Do not mind who reads it."),
    ("Ask for an impressive style", "Sound learned, with long words."),
    ("Ask for a single sentence", "Use one sentence only, whatever the topic."),
    ("Allow loose wording", "Do not worry about being exact."),
    ("Ask for many topics at once", "Mention as many other topics as you can."),
    ("Drop the examples", "Give no example at all."),
    ("Ask for a joke", "Begin with a joke, even where none fits."),
    ("Ask for repetition", "Repeat the main sentence several times."),
    ("Ask for guesses", "Guess where you do not know."),
    ("Ask for a list of slogans", "Write slogans instead of sentences."),
)

REPAIRS = ("Fix the crash and keep the prompts", "Return the record that the schema asks for")
REVISIONS = ("Follow the reviewer's remarks", "Rewrite what the reviewer found unclear")
FIRST_DRAFTS = ("First version: one call that writes the text", "First version, kept small")

METRICS = (
    ("Factual soundness", "Every statement is true and no step is left to belief."),
    ("Audience fit", "Words and examples suit the reader named in the input."),
    ("Clarity of steps", "Each step follows from the one before and is said plainly."),
    ("Use of examples", "At least one concrete example carries the explanation."),
    ("Task coverage", "All that the input asks for is answered."),
    ("Plain wording", "Short sentences and common words carry the text."),
    ("Novelty of phrasing", "The text does not read like a template."),
    ("Internal consistency", "No sentence contradicts another one."),
    ("Length discipline", "The text is as long as it has to be and no longer."),
    ("Depth of reasoning", "The text says why, and not only that."),
    ("Actionable ending", "The reader knows what to do or to try next."),
    ("Precision of numbers", "Numbers and units are exact."),
)

FACETS = (
    (
        "audience",
        ("a child of nine", "a teenager", "a teacher", "a parent", "an apprentice", "a newcomer", "an expert"),
    ),
    ("difficulty", ("very easy", "easy", "medium", "hard", "very hard")),
    ("form", ("an explanation", "a dialogue", "a story", "a worked example", "a letter", "a set of steps")),
    ("setting", ("a kitchen", "a workshop", "a classroom", "a market", "a garden", "a train", "a football pitch")),
    ("tone", ("friendly", "sober", "playful", "curious", "encouraging")),
)
TOPIC_ANGLES = (
    "the basics of {0}", "a common mistake with {0}", "how {0} meets {1}", "{0} in daily life", "why {0} matters",
    "the history of {0}", "a first exercise on {0}", "how to check {0}", "{0} without {1}", "the words used for {0}",
    "a hard case of {0}", "{0} seen from {1}", "teaching {0}", "a picture of {0}", "a rule about {0}",
    "an exception to {0}", "{0} step by step", "comparing {0} and {1}", "questions about {0}", "a game with {0}",
)  # fmt: skip

OPENINGS = (
    "Picture {thing} and {subject} at the same time.", "{subject_up} looks harder than it is.",
    "Take {thing}: it is the shortest way to {subject}.", "Most people meet {subject} with {thing} in their hands.",
    "Before {subject} there was only {thing} and a good question.", "Here is {subject} in one breath.",
    "When {person} first heard of {subject}, {thing} helped.", "Nothing about {subject} has to be learned by heart.",
)  # fmt: skip
SENTENCES = (
    "{person_up} {verb} {thing} and counts again.", "First you {act}, then you {act2}.",
    "A {quality} reader will {act} before going on.", "That is why {person} would {act} here.",
    "With {number} pieces the idea still holds.", "If {thing} is missing, {act} instead.",
    "{number_up} tries are enough to see it.", "The rule stays the same when you {act}.",
    "A common slip is to {act} too early.", "Compare it with {thing}: the parts have one size.",
    "{person_up} calls this the {quality} way.", "Write down {number} lines and {act}.",
    "The answer grows {quality} as soon as you {act}.", "Ask {person} to {act2}, and listen.",
    "It takes {thing} and some patience to {act2}.", "What remains after {number} steps is {quality}.",
)  # fmt: skip
CLOSINGS = (
    "To check, {act} once more.", "Try it with {thing} and tell {person}.", "Can you {act} without looking?",
    "That is all {subject} asks of you.", "Now {act2}, and compare with {thing}.", "Keep {thing} near and go on.",
)  # fmt: skip
WORDS = {
    "thing": ("a loaf of bread", "a folded sheet", "a bicycle chain", "a jar of beans", "a ruler", "a garden bed",
              "a deck of cards", "a water bottle", "a chessboard", "a train ticket", "a box of eggs", "a map",
              "a kitchen scale", "a bar of soap", "a wall of bricks", "a string of beads"),
    "person": ("my aunt", "a carpenter", "the baker", "Mira", "an old teacher", "Tomas", "the nurse", "Ada",
               "a gardener", "the referee", "Jun", "a bus driver", "the librarian", "Noor"),
    "verb": ("lifts", "draws", "measures", "turns", "halves", "marks", "weighs", "names", "sorts", "shares"),
    "act": ("mark the equal parts", "name what is asked", "draw a line through the middle", "count from the left",
            "put the numbers side by side", "say the rule aloud", "cover one part", "start from the end",
            "look for the smallest piece", "write the question again", "check the units", "swap the two sides"),
    "act2": ("add what was left over", "compare both results", "explain it to a friend", "try a larger number",
             "look at the remainder", "take half of it away", "fold it once more", "read the line backwards",
             "round nothing", "sort the pieces by size"),
    "quality": ("careful", "clear", "patient", "quick", "exact", "honest", "calm", "curious", "steady", "plain"),
    "number": ("two", "three", "four", "five", "six", "seven", "eight", "nine", "twelve", "fifteen", "twenty"),
}  # fmt: skip
