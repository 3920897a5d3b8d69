// A link that lets somebody in once is used up by a click, not by whoever looks at it beforehand.
document.getElementById('enter').submit();
