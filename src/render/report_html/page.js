// One block of each lane is a tab stop; arrow keys, Home and End move it, and what it is stands below the lane.
for (const lane of document.querySelectorAll(".lane")) {
  const blocks = [...lane.querySelectorAll(".block")];
  const told = lane.querySelector(".told");
  const tell = (block) => { told.textContent = block.title; };
  const go = (at) => {
    for (const block of blocks) block.tabIndex = -1;
    blocks[at].tabIndex = 0;
    blocks[at].focus();
  };
  blocks.forEach((block, at) => {
    block.addEventListener("focus", () => tell(block));
    block.addEventListener("mouseenter", () => tell(block));
    block.addEventListener("keydown", (event) => {
      const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: blocks.length - 1 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      go(Math.max(0, Math.min(blocks.length - 1, to)));
    });
  });
}
