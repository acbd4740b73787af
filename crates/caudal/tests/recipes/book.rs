//! docs/recipes.md to its recipes: the plans, tables, usage and answers that stand in fenced blocks under a title.
//! Relies on `###` before each recipe, and on the blocks of other sections being the tables of them all.
//! Never guesses: a recipe without a plan, a usage or an answer fails.

use crate::common::root;
use std::fs;
use std::path::Path;

/// A fenced block: what stands behind the fence, and its lines.
type Block = (String, String);

/// One recipe.
pub struct Recipe {
    /// Its title.
    pub title: String,
    blocks: Vec<Block>,
}

/// The page.
#[derive(Default)]
pub struct Book {
    /// In the order of the page.
    pub recipes: Vec<Recipe>,
    tables: Vec<Block>,
}

fn find<'b>(blocks: &'b [Block], info: &str, title: &str) -> &'b str {
    let found = blocks.iter().find(|(known, _)| known == info);
    &found.unwrap_or_else(|| panic!("no block {info:?} in {title:?}")).1
}

impl Recipe {
    /// The block of a kind.
    pub fn block(&self, info: &str) -> &str {
        find(&self.blocks, info, &self.title)
    }

    /// Its plans, without the head.
    pub fn plans(&self) -> impl Iterator<Item = &str> {
        self.blocks.iter().filter(|(info, _)| info == "toml plan").map(|(_, body)| body.as_str())
    }
}

impl Book {
    /// Reads the page.
    pub fn read() -> Self {
        let text = fs::read_to_string(root().join("docs/recipes.md")).unwrap();
        let (mut book, mut in_recipe) = (Self::default(), false);
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if let Some(title) = line.strip_prefix("### ") {
                in_recipe = true;
                book.recipes.push(Recipe { title: title.to_owned(), blocks: Vec::new() });
            } else if line.starts_with("## ") {
                in_recipe = false;
            } else if let Some(info) = line.strip_prefix("```") {
                let inside = lines.by_ref().take_while(|line| *line != "```");
                let block = (info.to_owned(), inside.map(|line| format!("{line}\n")).collect());
                let recipe = book.recipes.last_mut().filter(|_| in_recipe);
                recipe.map_or(&mut book.tables, |recipe| &mut recipe.blocks).push(block);
            }
        }
        book
    }

    /// A whole plan: the head that all have, but for the keys that the recipe says itself, and its lines.
    pub fn plan(&self, body: &str) -> String {
        let own = body.lines().take_while(|line| !line.starts_with('['));
        let own: Vec<&str> = own.filter_map(|line| Some(line.split_once(" = ")?.0)).collect();
        let head = find(&self.tables, "toml head", "the tables").lines();
        let head = head.filter(|line| line.split_once(" = ").is_some_and(|(key, _)| !own.contains(&key)));
        head.map(|line| format!("{line}\n")).collect::<String>() + body
    }

    /// Writes the pipeline of a recipe, with its usage.
    pub fn write(&self, recipe: &Recipe, folder: &Path) {
        for name in ["plans", "rates", "reference", "input"] {
            fs::create_dir_all(folder.join(name)).unwrap();
        }
        let mut plans = Vec::new();
        for body in recipe.plans() {
            let plan = self.plan(body);
            let id = plan
                .lines()
                .find_map(|line| line.strip_prefix("id = \"")?.strip_suffix('"'))
                .unwrap()
                .to_owned();
            fs::write(folder.join(format!("plans/{id}.toml")), plan).unwrap();
            plans.push(id);
        }
        assert!(!plans.is_empty(), "no plan in {:?}", recipe.title);
        for (info, text) in self.tables.iter().chain(&recipe.blocks) {
            match info.split_once(' ') {
                Some(("csv", path @ "reference/subscriptions.csv")) => {
                    fs::write(folder.join(path), of(&plans, text))
                }
                Some(("csv", path)) | Some(("toml", path @ "pipeline.toml")) => {
                    fs::write(folder.join(path), text)
                }
                _ => continue,
            }
            .unwrap();
        }
        fs::write(folder.join("usage.jsonl"), recipe.block("jsonl usage")).unwrap();
    }
}

/// The subscriptions that have one of the plans.
fn of(plans: &[String], table: &str) -> String {
    let has = |line: &str| plans.iter().any(|plan| line.split(',').nth(2) == Some(plan.as_str()));
    let kept = table.lines().enumerate().filter(|(number, line)| *number == 0 || has(line));
    kept.map(|(_, line)| format!("{line}\n")).collect()
}
