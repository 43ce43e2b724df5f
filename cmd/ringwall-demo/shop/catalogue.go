package shop

// A category is one shelf of the shop; its picture draws everything on it.
type category struct {
	Slug, Name, Line string
	draw             func(variant int, tone [3]string) string
}

func categories() []category {
	return []category{
		{"lighting", "Lighting", "Lamps that make the evening longer.", drawLamp},
		{"table", "Table", "Stoneware, thrown and glazed by hand.", drawMug},
		{"green", "Green", "Plants that forgive, pots that last.", drawPlant},
		{"textiles", "Textiles", "Wool and linen, woven close to home.", drawCushion},
		{"desk", "Desk", "Paper and tools for a slower kind of note.", drawNotebook},
		{"outdoors", "Outdoors", "For the walk before breakfast.", drawPack},
	}
}

// A product is one thing on a shelf as the shop is first stocked.
type product struct {
	ID                int
	Name, Category    string
	Cents, Stock      int
	Blurb, Story      string
	tone              [3]string
	variant, discount int
}

func products() []product {
	return []product{
		{1, "Dawn table lamp", "lighting", 8900, 14, "Warm light through hand-blown glass.", "A small lamp for a large mood. The shade is blown in one breath, the foot is turned ash, and the cord is wrapped in linen. Dims to the colour of the first half hour of the day.", [3]string{"#e9b872", "#b5651d", "#fbf1df"}, 0, 0},
		{2, "Harbour desk lamp", "lighting", 11900, 8, "Steel arm, felt foot, steady light.", "Made for people who read the last page twice. The arm stays where you leave it and the head turns all the way round.", [3]string{"#5c8a8a", "#274b4b", "#e4efee"}, 1, 0},
		{3, "Paper moon pendant", "lighting", 6400, 21, "Folded rice paper, weightless and calm.", "Folded from a single sheet of washi and sealed with rice starch. Hangs a hand above the table, weighs as much as a letter.", [3]string{"#f3e3c3", "#c79a5b", "#f8f3ea"}, 2, 0},
		{4, "Pocket lantern", "lighting", 3900, 40, "Charges by day, glows by night.", "A lantern for balconies, tents and power cuts. Twelve hours of soft light from one afternoon in the window.", [3]string{"#d98f5c", "#7a3e1d", "#fbe9dc"}, 3, 20},
		{5, "Morning mug", "table", 2200, 60, "Holds exactly one quiet quarter of an hour.", "Thrown on the wheel, dipped once, fired twice. No two have the same drip.", [3]string{"#8fa98f", "#4e6b50", "#eaf1e8"}, 0, 0},
		{6, "Tidal teapot", "table", 6900, 9, "Pours without a drop, keeps warm for an hour.", "A round pot with a patient spout. The lid stays on when you tip it, which is rarer than it should be.", [3]string{"#7d94b0", "#3f5672", "#e7edf4"}, 1, 0},
		{7, "Speckled breakfast bowl", "table", 2600, 34, "Wide enough for porridge and plans.", "Iron specks come through the glaze in the second firing. Safe in the dishwasher, prettier by hand.", [3]string{"#cbb59b", "#7c6347", "#f5eee4"}, 2, 0},
		{8, "Carafe and two cups", "table", 5400, 12, "For water, wine or a bunch of parsley.", "The cups sit on the neck like hats. Recycled glass with a faint green in it.", [3]string{"#9cc0b4", "#4f7d70", "#e6f2ee"}, 3, 15},
		{9, "Rubber fig in clay", "green", 4200, 17, "Grows towards you, asks for little.", "Forty centimetres tall when it leaves us. Comes with a saucer and a card on when to water: less often than you think.", [3]string{"#4f7a4d", "#b86b4b", "#e8f0e4"}, 0, 0},
		{10, "String of hearts", "green", 2800, 26, "Trails from a shelf, heart by heart.", "A slow curtain of small leaves. Likes a bright corner and being left alone.", [3]string{"#7f9f74", "#d0a48c", "#eef3e8"}, 1, 0},
		{11, "Window herb trio", "green", 3400, 19, "Basil, thyme and mint in one long pot.", "Sown in our greenhouse, ready to cut. The pot drains into a zinc tray, so the sill stays dry.", [3]string{"#6fa05a", "#8c8f94", "#ebf4e4"}, 2, 0},
		{12, "Snow fern", "green", 3100, 11, "Soft, cool and good at bathrooms.", "A fern that enjoys steam. Fronds unroll in spring, one a week, like letters.", [3]string{"#5f9a86", "#e2d6c4", "#e4f1ec"}, 3, 10},
		{13, "Lambswool throw", "textiles", 12900, 15, "Heavy enough to stay, light enough to carry.", "Woven from the wool of two flocks whose shepherds we know by name. Washed soft in rain water.", [3]string{"#b8674f", "#7b3a2b", "#f7e9e3"}, 0, 0},
		{14, "Linen cushion, sea", "textiles", 4800, 22, "Stone-washed linen with a feather heart.", "Gets better with every wash. Closes with three corozo buttons.", [3]string{"#6d8fa8", "#3d5a70", "#e6eef4"}, 1, 0},
		{15, "Waffle bath towel", "textiles", 3600, 44, "Dries you fast and itself faster.", "Long-staple cotton in a deep waffle. Folds to the size of a book.", [3]string{"#d7c8a8", "#94815a", "#f7f2e6"}, 2, 0},
		{16, "Tea towel pair", "textiles", 1900, 70, "One for glasses, one for bread.", "Half linen, half cotton, wholly useful. A loop in each corner, because hooks are never where you want them.", [3]string{"#c98a7d", "#8a4c42", "#faeae6"}, 3, 0},
		{17, "Field notebook", "desk", 1400, 120, "Lies flat, fits a coat, takes ink.", "Ninety-six pages of cream paper sewn in signatures. The cover is made of what the mill had left.", [3]string{"#c2703d", "#6e3a18", "#fbeadd"}, 0, 0},
		{18, "Brass fountain pen", "desk", 7200, 13, "A little heavy, in a good way.", "Turned from one bar, closed by a thread. The steel nib writes a medium line and does not mind waiting.", [3]string{"#c9a24b", "#6b5216", "#faf3dd"}, 1, 0},
		{19, "Week planner pad", "desk", 1800, 58, "Seven columns, no advice.", "Tear off a week, start another. Printed with vegetable ink two streets away.", [3]string{"#7c9aa0", "#3c5a60", "#e8f0f1"}, 2, 0},
		{20, "Letter set, forest", "desk", 2300, 31, "Twelve sheets and the courage to begin.", "Heavy paper with a deckle edge and lined envelopes. For the people who are owed one.", [3]string{"#5a7d5f", "#2f4a34", "#e7f0e8"}, 3, 25},
		{21, "Ridge day pack", "outdoors", 9800, 18, "Eighteen litres, one good zip.", "Waxed canvas that remembers each hill. Straps of vegetable tanned leather, replaced free of charge for ten years.", [3]string{"#7a8450", "#464d29", "#f0f2e3"}, 0, 0},
		{22, "Wool felt hat", "outdoors", 5600, 16, "Keeps its shape and your head.", "Blocked by steam over a wooden form older than the shop. Packs flat and comes back.", [3]string{"#9a7b5f", "#57402c", "#f3ece5"}, 1, 0},
		{23, "Trail flask", "outdoors", 3300, 37, "Hot for twelve hours, cold for twenty.", "Double wall, single hand. The cup on top is big enough to share.", [3]string{"#b5523b", "#6b2a1c", "#f9e6e1"}, 2, 0},
		{24, "Picnic blanket", "outdoors", 6200, 20, "Dry side down, stars side up.", "Wool above, wax below, and a strap to carry both. Two metres by one and a half.", [3]string{"#5e7f9b", "#c9a24b", "#e6edf3"}, 3, 15},
	}
}

// A person is an account the shop opens with. All of them are made up and the
// passwords stand in clear, as they do in shops that get robbed.
type person struct {
	Username, Password, Name, Email, City, Role, Card string
}

func people() []person {
	return []person{
		{"admin", "Lantern!2019", "Ida Keeper", "ida@lanternlane.example", "Harbour Street 1, Northport", "owner", "4000 0000 0000 0002"},
		{"anna", "rosemary", "Anna Lind", "anna.lind@mail.example", "Mill Road 12, Easterby", "customer", "4000 0000 0000 0010"},
		{"tom", "fieldnotes", "Tom Okafor", "tom.okafor@mail.example", "Station Square 4, Westbrook", "customer", "4000 0000 0000 0028"},
		{"marie", "paperboat", "Marie Dubois", "marie.dubois@mail.example", "Orchard Lane 9, Southwell", "customer", "4000 0000 0000 0036"},
		{"kenji", "teahouse7", "Kenji Mori", "kenji.mori@mail.example", "Quay 22, Northport", "customer", "4000 0000 0000 0044"},
		{"lucia", "bluewindow", "Lucia Romero", "lucia.romero@mail.example", "Hill Terrace 3, Easterby", "customer", "4000 0000 0000 0051"},
		{"piotr", "snowfern", "Piotr Nowak", "piotr.nowak@mail.example", "Garden Row 17, Westbrook", "customer", "4000 0000 0000 0069"},
		{"packer", "boxes-boxes", "Sam Packer", "warehouse@lanternlane.example", "Harbour Street 3, Northport", "staff", "4000 0000 0000 0077"},
	}
}

type review struct {
	Product      int
	Author, Text string
	Stars        int
}

func reviews() []review {
	return []review{
		{1, "Marie", "The light is exactly as warm as in the picture. It moved from the desk to the bedside within a week.", 5},
		{1, "Kenji", "Beautiful glass, a little smaller than I imagined. I would buy it again.", 4},
		{2, "Tom", "Finally a lamp that stays where I put it.", 5},
		{3, "Lucia", "Took ten minutes to hang and now everybody asks about it.", 5},
		{4, "Piotr", "Three nights in the tent on one charge.", 5},
		{5, "Anna", "My favourite mug. I bought a second one for the office.", 5},
		{5, "Tom", "Good in the hand, good with tea, good with soup.", 5},
		{6, "Kenji", "It really does not drip.", 5},
		{7, "Lucia", "Each one is different, which I like very much.", 4},
		{9, "Anna", "Arrived well packed, two new leaves already.", 5},
		{10, "Marie", "Lovely, and easy to look after.", 4},
		{13, "Piotr", "The cat has claimed it. We are now saving for another.", 5},
		{14, "Anna", "The blue is calm and a bit grey, just right.", 4},
		{17, "Tom", "Takes fountain pen ink without a shadow on the back.", 5},
		{18, "Kenji", "Heavy, smooth and handsome.", 5},
		{21, "Lucia", "Went over the ridge with me four times, looks better each time.", 5},
		{23, "Piotr", "Still hot after a full day on the trail.", 5},
		{24, "Marie", "Big enough for all of us and the dog.", 4},
	}
}

type order struct {
	Number, Username, Status, Placed string
	Cents                            int
}

func orders() []order {
	return []order{
		{"LL-20417", "anna", "On its way, expected tomorrow", "18 November", 11100},
		{"LL-20398", "anna", "Delivered", "2 November", 4200},
		{"LL-20421", "tom", "Being packed", "20 November", 1400},
		{"LL-20405", "marie", "Delivered", "11 November", 8900},
		{"LL-20419", "kenji", "On its way, expected on Friday", "19 November", 14100},
		{"LL-20422", "lucia", "Received", "21 November", 9800},
	}
}
